"""Programs that only read, which are started without a view of their own: every escape, as root and as nobody.

The controls are those of the same scripts in test_commands.py, and what a reader must be able to do.
"""

import pytest

from oad.daemon import reader

from .cell import Cell
from .escapes import ESCAPES, FILES
from .scene import Scene
from .test_commands import applies

pytestmark = pytest.mark.skipif(not reader.can_restrict(), reason="the kernel has no Landlock")


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_of_a_reader_is_denied(name: str, scene: Scene, cell: Cell) -> None:
    if not applies(ESCAPES[name], scene):
        pytest.skip("not to be done outside either")
    scene.lay_out()
    done = cell.run(ESCAPES[name].script, profile="read-only", reader=True)
    assert done.status > 0, f"it escaped: {done.output}"
    assert (scene.outside / "file").read_text() == "theirs"


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_in_the_workspace_either(name: str, scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    script = FILES[name].script.replace("$OUT", "$W")
    assert cell.run(script, profile="read-only", reader=True).status > 0
    assert (scene.workspace / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "script",
    [
        'cat "$W/file" >> /dev/null',
        "/usr/bin/python3 -c 'import ctypes, socket; print(1)'",
        'git -c safe.directory="*" -C "$W" check-ignore file; [ $? -le 1 ]',
        "cat /proc/self/status",
        "sleep 0 | cat",
        "head -c1 /dev/urandom",
        "! ls /dev/mem",
        "[ $(stat -c %h /proc/self) -gt 0 ]",
    ],
)
def test_what_readers_do(script: str, scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    done = cell.run(script, profile="read-only", reader=True)
    assert done.status == 0, done.output


def test_there_is_no_way_past_the_sandbox(scene: Scene, cell: Cell) -> None:
    """It is really not bubblewrap that denied all this, and more than reading is not given that way."""
    scene.lay_out()
    hostname = "cat /proc/self/mountinfo"
    assert cell.run(hostname, profile="read-only", reader=True).output != cell.run(hostname, profile="read-only").output
    assert "newroot" not in cell.run(hostname, profile="read-only", reader=True).output
    assert cell.run('echo x > "$W/new"', profile="workspace", reader=True).status == 0
