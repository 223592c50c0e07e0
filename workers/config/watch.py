"""Reading with a memory: what a set-up was made from, so that it can be seen cheaply whether it still holds."""

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

# A file that changed this shortly before it was read may change again within the same tick of the clock.
_SETTLING_NS = 20_000_000
_MAX_BYTES = 4 * 1024 * 1024

Stamp = tuple[int, int, int]


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - called some hundred times per turn
    except (OSError, ValueError):
        return None
    # The change time, not the modification time: checkouts and copies set the latter back.
    return status.st_ctime_ns, status.st_size, status.st_ino


class Watch:
    """Everything that is read through it is remembered: files, listings, variables, and also what was not there."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._stamps: dict[str, Stamp | None] = {}
        self._presence: dict[str, bool] = {}
        self._variables: dict[str, str | None] = {}
        self._started_ns = time.time_ns()

    def variable(self, name: str) -> str:
        value = self._variables[name] = self._environ.get(name)
        return value or ""

    def flag(self, name: str) -> bool:
        return self.variable(name).lower() in ("1", "true")

    def exists(self, path: str | Path) -> bool:
        """Only that is remembered: what happens inside, as in ``.git`` all the time, does not matter."""
        present = self._presence[str(path)] = _stamp(str(path)) is not None
        return present

    def read(self, path: str | Path) -> bytes | None:
        """A regular file's content, or None where there is none. Raises OSError for one that cannot be read."""
        if self._note(path) is None:
            return None
        # Never waits: a FIFO of that name in a hostile repository would otherwise stop the worker.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise OSError(f"larger than {_MAX_BYTES} bytes")
        return content

    def names(self, directory: str | Path) -> list[str]:
        """The sorted entries of a directory; none where it is missing or not readable."""
        if self._note(directory) is None:
            return []
        try:
            return sorted(os.listdir(directory))  # noqa: PTH208 - names only
        except OSError:
            return []

    def holds(self) -> bool:
        """Whether nothing that was read has changed since."""
        return (
            self._settled()
            and all(self._environ.get(name) == value for name, value in self._variables.items())
            and all(_stamp(path) == stamp for path, stamp in self._stamps.items())
            and all((_stamp(path) is not None) == present for path, present in self._presence.items())
        )

    def _settled(self) -> bool:
        newest = max((stamp[0] for stamp in self._stamps.values() if stamp), default=0)
        return newest < self._started_ns - _SETTLING_NS

    def _note(self, path: str | Path) -> Stamp | None:
        # The stamp is taken before the content is read: a change in between is then seen the next time. The first
        # stamp is kept, since what was read first may be what is in use.
        stamp = _stamp(str(path))
        self._stamps.setdefault(str(path), stamp)
        return stamp
