"""The files of an audit log: ``audit.jsonl`` is written to, ``audit-SEQ.jsonl`` are full ones, by their first line."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .chain import BrokenLine, Link, check_line

CURRENT: Final = "audit.jsonl"
_FULL: Final = "audit-{:012d}.jsonl"
_BLOCK: Final = 64 * 1024


def files_of(directory: Path) -> list[Path]:
    """The oldest first, the current one last."""
    full = sorted(directory.glob("audit-*.jsonl"))
    current = directory / CURRENT
    return [*full, current] if current.exists() else full


def name_of_full(first_seq: int) -> str:
    return _FULL.format(first_seq)


class Break(Exception):
    """Where a chain is broken first."""

    def __init__(self, file: Path, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


def verify(directory: Path) -> tuple[Link, Link]:
    """The links before the first line kept and after the last one. Raises Break, OSError."""
    first: Link | None = None
    last = Link()
    for file, number, line in _lines(directory):
        try:
            before, after = check_line(line)
        except BrokenLine as error:
            raise Break(file, number, f"the line {error}") from error
        if first is None:
            first = last = before
        if before != last:
            raise Break(file, number, f"line {after.seq} does not follow line {last.seq}: lines are missing or moved")
        last = after
    return first or Link(), last


def _lines(directory: Path) -> Iterator[tuple[Path, int, bytes]]:
    for file in files_of(directory):
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    raise Break(file, number, "the line is torn; the next start of the server mends that")
                yield file, number, line[:-1]


def last_line(descriptor: int) -> tuple[bytes, int]:
    """The last whole line (empty: there is none), and where it ends: what follows is torn."""
    size = os.fstat(descriptor).st_size
    data, start = b"", size
    while start > 0 and data.count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        data = os.pread(descriptor, size - start, start)
    end = data.rfind(b"\n")
    if end < 0:
        return b"", 0
    return data[data.rfind(b"\n", 0, end) + 1 : end], start + end + 1


def first_seq(file: Path) -> int:
    """The number of a file's first line; 0 if it can't be read."""
    with file.open("rb") as lines:
        line = lines.readline()
    try:
        return check_line(line.rstrip(b"\n"))[1].seq
    except BrokenLine:
        return 0
