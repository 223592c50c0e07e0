"""One daemon per data directory, and one parent of a foreground server. A lock ends with its process, in any case."""

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Final, Self

DAEMON_LOCK: Final = "oad.lock"
PARENT_LOCK: Final = "serve.lock"  # held through restarts of the daemon, when the daemon's own is free for a moment
_FLOCK: Final = struct.Struct("hhqqi4x")


class AlreadyRunning(Exception):
    """Another server works on the same data."""


class InstanceLock:
    """Held while in context. Raises AlreadyRunning, OSError."""

    def __init__(self, data: Path, name: str = DAEMON_LOCK) -> None:
        self._data = data
        self._name = name
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(self._data / self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:  # a command of the administrator's must not lock the service's own user out for good
            whose = self._data.stat()
            os.fchown(self._descriptor, whose.st_uid, whose.st_gid)
        try:
            # fcntl locks are not inherited by a fork, so the zygote's life does not prolong it.
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise AlreadyRunning(f"another oad (pid {owner}) uses the data directory {self._data}") from error
        with contextlib.suppress(OSError):  # a full disk; the number is only for the message above
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def is_served(data: Path) -> bool:
    """Whether some server works on the data. Looks only: a lock taken for a look could turn a server away."""
    return any(_is_held(data / name) for name in (PARENT_LOCK, DAEMON_LOCK))


def _is_held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind: int = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[0]
        return kind != fcntl.F_UNLCK
    finally:
        os.close(descriptor)
