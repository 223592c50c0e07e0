"""Escapes by the process that the file tools run in: a view as a command has it, and Landlock."""

import subprocess
import sys
from typing import NamedTuple

import pytest

from .cell import Cell
from .scene import Scene


class Act(NamedTuple):
    """Python; fails with an OSError of which ``denied`` is part, or an AssertionError."""

    code: str
    denied: str


_H, _W, _OUT, _OTHER, _D = (f'os.environ["{name}"]' for name in ("H", "W", "OUT", "OTHER", "D"))
ACTS = {
    "write outside": Act(f"Path({_OUT}, 'new').write_text('x')", "PermissionError"),
    "change a file outside": Act(f"Path({_OUT}, 'file').write_text('x')", "PermissionError"),
    "remove a file outside": Act(f"Path({_OUT}, 'file').unlink()", "PermissionError"),
    "rename out of the workspace": Act(f"Path({_W}, 'file').rename(Path({_OUT}, 'new'))", "Error"),
    "write through a symlink": Act(
        f"Path({_W}, 'way').symlink_to({_OUT}); Path({_W}, 'way', 'new').write_text('x')", "PermissionError"
    ),
    "change a git hook": Act(f"Path({_W}, '.git/hooks/pre-commit').write_text('x')", "Read-only file system"),
    "change git's configuration": Act(f"Path({_W}, '.git/config').write_text('x')", "Read-only file system"),
    "replace git's configuration": Act(
        f"Path({_W}, 'c').write_text('x'); Path({_W}, 'c').replace(Path({_W}, '.git/config'))", "Error"
    ),
    "change opencode's configuration": Act(f"Path({_W}, 'opencode.json').write_text('x')", "Read-only file system"),
    "read a key": Act(f"assert Path({_H}, '.ssh/id_rsa').read_text()", "FileNotFoundError"),
    "read a netrc": Act(f"Path({_H}, '.netrc').read_text().index('password')", "ValueError"),
    "read through a symlink": Act(
        f"Path({_W}, 'k').symlink_to(Path({_H}, '.ssh')); Path({_W}, 'k/id_rsa').read_text()", "FileNotFoundError"
    ),
    "read where a dotfile leads": Act(f"Path({_H}, 'elsewhere/credentials').read_text()", "FileNotFoundError"),
    "read another session's workspace": Act(f"Path({_OTHER}, 'file').read_text()", "FileNotFoundError"),
    "read oad's database": Act(f"Path({_D}, 'planted.key').read_text()", "FileNotFoundError"),
    "signal a process of the host": Act("os.kill(int(os.environ['VICTIM']), 0)", "ProcessLookupError"),
}


@pytest.mark.parametrize("name", ACTS)
def test_an_escape_of_the_worker_is_denied(name: str, scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    cell.run("true")  # the view is completed before every command; what lay_out has made anew was not there before
    inside = cell.run(ACTS[name].code, worker=True)
    assert inside.status != 0, "it escaped"
    assert ACTS[name].denied in inside.output
    scene.lay_out()
    control = subprocess.run(
        [_interpreter(scene), "-c", f"import os\nfrom pathlib import Path\n{ACTS[name].code}"],
        env={**scene.names()},
        cwd=scene.workspace,
        user=scene.user,
        group=scene.user,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert control.returncode == 0, control.stderr


def test_the_worker_can_do_its_work(scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    code = f"Path({_W}, 'new').write_text('x'); Path({_W}, 'file').write_text('y'); Path('/tmp/t').write_text('z')"
    assert cell.run(code, worker=True).output == ""
    assert scene.workspace.joinpath("file").read_text() == "y"
    # The private /tmp is the same for file tools and commands.
    assert cell.run("cat /tmp/t").output == "z"


def test_a_session_that_only_reads(scene: Scene, reading_cell: Cell) -> None:
    scene.lay_out()
    assert reading_cell.run(f"Path({_W}, 'new').write_text('x')", worker=True).status != 0
    assert reading_cell.run(f"assert Path({_W}, 'file').read_text() == 'mine'", worker=True).output == ""


def _interpreter(scene: Scene) -> str:
    return sys.executable if scene.user == 0 else "/usr/bin/python3"
