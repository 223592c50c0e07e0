"""Where lines go: the one handler of a process, which makes each line once and hands it to the file and the journal."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

from .repeats import Repeats, identity
from .rotation import LogFile

_PRIORITIES: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_STDERR: Final = 2

Sink = Callable[[int, bytes], None]


class Outlet(logging.Handler):
    """Nothing that goes wrong with a line, such as a full disk, concerns whoever has written it."""

    def __init__(self, sinks: list[Sink], repeats: Repeats) -> None:
        super().__init__()
        self._sinks = sinks
        self._repeats = repeats

    def emit(self, record: logging.LogRecord) -> None:
        try:
            held = self._repeats.admits(identity(record), time.monotonic())
            if held is None:
                return
            if held:
                record = _tell_held(record, held)
            line = self.format(record).encode(errors="replace") + b"\n"
        except (ValueError, TypeError, RecursionError):  # what can't be written down
            self.handleError(record)
            return
        for sink in self._sinks:
            with contextlib.suppress(OSError):
                sink(record.levelno, line)


def _tell_held(record: logging.LogRecord, held: int) -> logging.LogRecord:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "held_back": held}  # pyright: ignore[reportUnknownMemberType]
    else:
        record.msg = f"{record.getMessage()} ({held} like it held back)"
        record.args = ()
    return record


def to_file(file: LogFile) -> Sink:
    return lambda level, line: file.write(line)


def to_stderr(environment: Mapping[str, str]) -> Sink:
    """With the levels of sd-daemon(3) when the journal reads it."""
    return _to_journal if is_journal(environment, _STDERR) else lambda level, line: _write(line)


def is_journal(environment: Mapping[str, str], descriptor: int) -> bool:
    """JOURNAL_STREAM names the device and inode of a stream to the journal; this one may since lead elsewhere."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def _to_journal(level: int, line: bytes) -> None:
    _write(b"<%d>" % _PRIORITIES.get(level, 6) + line)


def _write(line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[os.write(_STDERR, view) :]
