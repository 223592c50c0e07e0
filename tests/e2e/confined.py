"""A server that can write nowhere but below one directory of its own, for tests that ask it at random."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .server import Server


def can_confine() -> str:
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


class ConfinedServer(Server):
    """``oad serve`` within bubblewrap; home, data and project lie below ``place``."""

    def __init__(self, place: Path, project: Path) -> None:
        home = place / "home"
        home.mkdir(exist_ok=True)
        project.mkdir(exist_ok=True)
        super().__init__(home, project, environment={"TMPDIR": str(place), "SHELL": "/bin/bash"})
        self._place = place

    def _command(self) -> list[str]:
        return ["bwrap", *_view(self._place), "--chdir", str(self.project), *super()._command()]


@contextmanager
def confined_server(place: Path) -> Iterator[ConfinedServer]:
    """Not started. Nothing of it outlives the block."""
    server = ConfinedServer(place, place / "project")
    try:
        yield server
    finally:
        server.discard()
