"""A server that can write nowhere but below one directory of its own, for tests that ask it at random."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .server import Server


def why_not() -> str:
    """Why it cannot be done here; empty if it can."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return "bubblewrap is not installed"
    tried = subprocess.run([bwrap, *_view(Path("/tmp")), "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


def _view(place: Path) -> list[str]:
    """All of the system to be read, ``place`` to be written; other processes are not seen, so none can be signalled."""
    system = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    return [*system, "--bind", str(place), str(place), "--unshare-pid", "--unshare-ipc", "--die-with-parent"]


@contextmanager
def confined_server(place: Path) -> Iterator[Server]:
    """Not started; home, data and project lie below ``place``. Nothing of it outlives the block."""
    home, project = place / "home", place / "project"
    for directory in (home, project):
        directory.mkdir(exist_ok=True)
    variables = {"TMPDIR": str(place), "SHELL": "/bin/bash"}
    launcher = ["bwrap", *_view(place), "--chdir", str(project)]
    server = Server(home, project, environment=variables, launcher=launcher)
    try:
        yield server
    finally:
        server.discard()
