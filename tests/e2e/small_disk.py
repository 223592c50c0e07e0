"""A server whose data lie on a small disk of their own, which a test can fill and empty again."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from .server import Server

_DATA_MB, _PROJECT_MB = 24, 4
_MOUNT = """
while [ "$1" != -- ]; do mount -t tmpfs -o size="$2"m,mode=755 tmpfs "$1" || exit 1; shift 2; done
shift
exec "$@"
"""


def _unshare() -> list[str]:
    return ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = [*_unshare(), "sh", "-c", _MOUNT, "sh", "/mnt", "1", "--", "true"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def on_small_disk(place: Path, size_mb: int, program: str) -> str:
    """What a program of Python prints whose argument is a place with a disk of its own."""
    place.mkdir(exist_ok=True)
    mounted = [*_unshare(), "sh", "-c", _MOUNT, "sh", str(place), str(size_mb), "--"]
    ran = [*mounted, sys.executable, "-c", program, str(place)]
    done = subprocess.run(ran, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


needs_mount = pytest.mark.skipif(not can_mount(), reason="no mount namespaces here")


class Disk:
    """A directory of a server, as the server sees it: with what is mounted there in its own mount namespace."""

    def __init__(self, server: "SmallDiskServer", place: Path) -> None:
        self._server = server
        self._place = place

    @property
    def path(self) -> Path:
        return self._server.inside(self._place)

    def fill(self, leave_kb: int = 0) -> None:
        """To the last byte, or nearly."""
        with (self.path / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        if leave_kb:
            size = (self.path / "filler").stat().st_size
            os.truncate(self.path / "filler", max(0, size - leave_kb * 1024))

    def protect(self) -> None:
        """New files, and files that are opened anew, can't be written. One file system can't become read-only while
        somebody writes: a second mount of it is laid over the first."""
        self._server.mount("mount --bind $0 $0 && mount -o remount,bind,ro $0", self._place)

    def release(self) -> None:
        self._server.mount("umount $0", self._place)

    def empty(self) -> None:
        (self.path / "filler").unlink()


class SmallDiskServer(Server):
    """Its data and its project each have a disk of their own."""

    def __init__(self, home: Path, project: Path, *, environment: Mapping[str, str] | None = None) -> None:
        data = home / "data"
        data.mkdir(parents=True, exist_ok=True)
        disks = [str(data), str(_DATA_MB), str(project), str(_PROJECT_MB), "--"]
        super().__init__(
            home, project, environment=environment, launcher=[*_unshare(), "sh", "-c", _MOUNT, "sh", *disks]
        )
        self.disk, self.project_disk = Disk(self, data), Disk(self, project)

    def inside(self, file: Path) -> Path:
        """A file that only the server has, as this process can reach it."""
        return Path(f"/proc/{self.pid}/root{file}")

    def mount(self, command: str, place: Path) -> None:
        """In its mount namespace."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--wd=/"]
        subprocess.run([*enter, "sh", "-c", command, str(place)], check=True)

    @property
    def url(self) -> str:
        return self.inside(self.data / "run" / "address").read_text().strip()

    def logged(self) -> str:
        file = self.inside(self.data / "log" / "oad.log") if self._process is not None else self.data / "none"
        return self.log.read_text()[-3000:] + (file.read_text()[-8000:] if file.exists() else "")
