"""A window of numbered lines out of a text file of any size, in bounded memory."""

from pathlib import Path
from typing import BinaryIO

import msgspec

MAX_LINES = 2000
MAX_LINE_CHARACTERS = 2000
MAX_BYTES = 50 * 1024
_MAX_COUNTED = 256 * 1024 * 1024  # bytes beyond the window which are read to count the lines
_PIECE = 64 * 1024


class Window(msgspec.Struct, frozen=True):
    """``total`` is None when the file goes on for too long to count. ``first`` counts from 1."""

    lines: list[str]
    first: int
    total: int | None
    full: bool  # the limit of bytes was reached before that of lines

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1

    @property
    def more(self) -> bool:
        return self.total is None or self.last < self.total


def read_window(path: Path, first: int, count: int) -> Window:
    """Lines ``first`` to ``first + count - 1``, long ones cut. Blocks. Raises OSError."""
    lines: list[str] = []
    number = size = 0
    with path.open("rb") as file:
        while number < first - 1 + count:
            line = _read_line(file)
            if line is None:
                return Window(lines, first, number, full=False)
            number += 1
            if number < first:
                continue
            text = _shown(line, number)
            size += len(text.encode("utf-8", "replace")) + 1
            if size > MAX_BYTES and lines:
                return Window(lines, first, _count(file, number), full=True)
            lines.append(text)
        return Window(lines, first, _count(file, number), full=False)


def _read_line(file: BinaryIO) -> bytes | None:
    """The next line, or its beginning if it is very long; None at the end."""
    line = piece = file.readline(_PIECE)
    while piece and not piece.endswith(b"\n"):
        piece = file.readline(_PIECE)  # what no one will see is skipped piece by piece
    return line or None


def _shown(line: bytes, number: int) -> str:
    text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").rstrip("\r\n")
    if len(text) <= MAX_LINE_CHARACTERS:
        return text
    return f"{text[:MAX_LINE_CHARACTERS]}... (line cut after {MAX_LINE_CHARACTERS} characters)"


def _count(file: BinaryIO, number: int) -> int | None:
    """The number of lines in all, ``number`` of which are read already."""
    read, last = 0, b"\n"
    while chunk := file.read(1 << 20):
        number += chunk.count(b"\n")
        read, last = read + len(chunk), chunk[-1:]
        if read > _MAX_COUNTED:
            return None
    return number if last == b"\n" else number + 1
