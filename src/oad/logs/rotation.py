"""The log file: appended to by all processes of a server, rotated by one of them, and found again when it was moved.

A worker can't open files of the server's own once it has restricted itself, so rotation must do without anybody's
opening the file anew: it is copied, and then cut to nothing. Everybody appends (O_APPEND), so the next line begins at
its new end. Nothing is lost: each line is written under a shared lock (flock), and what has come since the copy was
begun is copied, and the file cut, under an exclusive one, which takes about a millisecond.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

_LOOK_S: Final = 1.0  # between looks at whether the file is still the one at its path
_WRITER_WAITS_S: Final = 0.25  # for a rotation; one that was stopped midway must not stop everybody
_ROTATION_WAITS_S: Final = 2.0  # for writers
_SETTLE_S: Final = 20.0  # before the first rotation: a process that is about to fork must have no thread
_REST_S: Final = 30.0  # between rotations: one that failed has copied all the same
_PIECE: Final = 1024 * 1024


class LogFile:
    """``max_bytes`` 0, or ``keep`` 0: this process does not rotate. Raises OSError when the file can't be opened."""

    def __init__(self, path: Path, max_bytes: int = 0, keep: int = 0, *, settle_s: float = _SETTLE_S) -> None:
        self.path = path
        self._max = max_bytes if keep else 0
        self._keep = keep
        self._fd = self._open()
        self._owner = os.getpid()
        self._looked = time.monotonic()
        self._due = self._looked + settle_s
        self._rotating = threading.Lock()

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, line: bytes) -> None:
        """Raises OSError, for a full disk for example."""
        now = time.monotonic()
        if self._owner != os.getpid():
            self._take_over()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._look()
        with _locked(self._fd, fcntl.LOCK_SH, _WRITER_WAITS_S):
            os.write(self._fd, line)

    def _take_over(self) -> None:
        """In a fork: locks belong to what was opened, so that this process needs to open it itself."""
        self._owner = os.getpid()
        self._rotating = threading.Lock()
        self._reopen(close=False)  # the descriptor's number may be another file's by now

    def _look(self) -> None:
        here = os.fstat(self._fd)
        try:
            there = self.path.stat()
        except FileNotFoundError:
            self._reopen(close=True)
            return
        except OSError:
            return
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            self._reopen(close=True)
        elif self._max and here.st_size > self._max and self._looked >= self._due:
            self._begin_rotation()

    def _begin_rotation(self) -> None:
        if self._rotating.acquire(blocking=False):
            self._due = self._looked + _REST_S
            threading.Thread(target=self._rotate, name="log rotation", daemon=True).start()

    def _reopen(self, *, close: bool) -> None:
        """Who may not open it any more goes on with what it has."""
        with contextlib.suppress(OSError):
            new = self._open()
            old, self._fd = self._fd, new
            if close:
                os.close(old)

    def _rotate(self) -> None:
        try:
            with contextlib.suppress(OSError):
                rotate(self.path, self._max, self._keep)
        finally:
            self._rotating.release()


def rotate(path: Path, max_bytes: int, keep: int) -> bool:
    """Moves the content of the file to ``NAME.1``, that to ``NAME.2``, and so on up to ``keep``. False when it is not
    longer than ``max_bytes``, when somebody else is at it, or its writers do not let go. Raises OSError."""
    own = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with path.open("rb") as source:
            return os.fstat(source.fileno()).st_size > max_bytes and _move(path, source.fileno(), keep)
    except BlockingIOError:
        return False
    finally:
        os.close(own)


def _move(path: Path, source: int, keep: int) -> bool:
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _copy(source, descriptor)
        with _locked(source, fcntl.LOCK_EX, _ROTATION_WAITS_S) as alone:
            if not alone:
                new.unlink()
                return False
            _copy(source, descriptor)
            # Renamed before the file is cut: whoever is killed in between leaves lines twice rather than not at all.
            for number in range(keep, 0, -1):
                older = path.with_name(f"{path.name}.{number}")
                younger = path.with_name(f"{path.name}.{number - 1}") if number > 1 else new
                if younger.exists():
                    younger.replace(older)
            os.truncate(path, 0)
    finally:
        os.close(descriptor)
    return True


def _copy(source: int, target: int) -> None:
    """From where the last copy ended to the end."""
    while piece := os.read(source, _PIECE):
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]


@contextlib.contextmanager
def _locked(descriptor: int, kind: int, wait_s: float) -> Generator[bool]:
    """False when the lock could not be had in time."""
    held = _try_lock(descriptor, kind)
    until = time.monotonic() + wait_s
    while not held and time.monotonic() < until:
        time.sleep(0.001)
        held = _try_lock(descriptor, kind)
    try:
        yield held
    finally:
        if held:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def files_of(path: Path) -> list[Path]:
    """The file and the older ones that exist, the oldest first."""
    numbered = [
        (int(number), file)
        for file in path.parent.glob(f"{path.name}.*")
        if (number := file.name.removeprefix(f"{path.name}.")).isdigit()
    ]
    older = [file for _, file in sorted(numbered, reverse=True)]
    return [*older, path] if path.exists() else older
