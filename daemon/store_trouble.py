"""Why the store can't be written, what to do about it, and how clients are told."""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Final, Literal

import msgspec

from oad.contract.errors import ApiError, named
from oad.contract.message import NamedError

Reason = Literal["full", "readonly", "reserve", "failing"]

_CAUSES: Final[dict[Reason, tuple[str, str]]] = {
    "full": ("the disk is full", "free space on it, by oad gc or by deleting sessions"),
    "readonly": ("the file system is read-only", "make it writable again; the kernel's log may tell why it is not"),
    "reserve": ("less space is free than is kept for what runs", "free space, or lower [storage] min_free_mb"),
    "failing": ("it can't be written", "look into the service's log, and at the disk"),
}


_OF_SQLITE: Final[dict[int, Reason]] = {sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_READONLY: "readonly"}
_OF_SYSTEM: Final[dict[int, Reason]] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "readonly",
}
_PROBE_BYTES: Final = 4096


class Trouble(msgspec.Struct, frozen=True):
    """``text`` is what the database or the operating system said."""

    reason: Reason
    place: str
    text: str = ""

    @property
    def message(self) -> str:
        cause, remedy = _CAUSES[self.reason]
        said = f" ({self.text})" if self.text else ""
        return f"Nothing can be stored in {self.place}: {cause}{said}. Remedy: {remedy}. The service recovers by itself"

    def refusal(self) -> ApiError:
        """507: no client tries that again by itself, which would help nobody."""
        return named(507, "StorageError", message=self.message, reason=self.reason, remedy=_CAUSES[self.reason][1])

    def of_turn(self) -> NamedError:
        """What a message carries whose turn was ended for it."""
        return NamedError(name="StorageError", data={"message": f"Stopped: {self.message}", "reason": self.reason})


def diagnose(error: sqlite3.Error, file: Path) -> Trouble:
    """Tries to write something itself if need be: SQLite calls much an I/O error that the system has a word for."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    reason = _OF_SQLITE.get(code) or _probe(file.parent)
    return Trouble(reason, str(file.parent), str(error))


def of_system(error: OSError, place: Path) -> Trouble | None:
    """None for what has nothing to do with room."""
    reason = _OF_SYSTEM.get(error.errno or 0)
    return None if reason is None else Trouble(reason, str(error.filename or place), error.strerror or "")


def _probe(place: Path) -> Reason:
    try:
        with tempfile.TemporaryFile(dir=place, buffering=0) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError as error:
        return _OF_SYSTEM.get(error.errno or 0, "failing")
    return "failing"


def free_mb(place: Path) -> float | None:
    """What an ordinary user may still write there; None when that can't be found out."""
    try:
        found = os.statvfs(place)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize / (1 << 20)
