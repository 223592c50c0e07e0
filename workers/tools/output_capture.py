"""Output of a command, kept within bounds however much of it comes: the end in memory, the whole in a file."""

import codecs
from io import FileIO
from pathlib import Path

import msgspec

MAX_LINES = 2000
MAX_BYTES = 50 * 1024
MAX_FILE_BYTES = 100 * 1000 * 1000


class Captured(msgspec.Struct, frozen=True):
    """``text`` is the end of the output; ``file`` holds all of it, or its beginning when ``file_is_cut``; None when it
    could not be written."""

    text: str
    truncated: bool
    file: Path | None = None
    file_is_cut: bool = False


class OutputCapture:
    """Takes chunks. A file is made only when the output exceeds what is kept, and holds ``MAX_FILE_BYTES`` at most."""

    def __init__(
        self, file: Path, *, lines: int = MAX_LINES, size: int = MAX_BYTES, max_file_bytes: int = MAX_FILE_BYTES
    ) -> None:
        self._lines = lines
        self._size = size
        self._path = file
        self._max_file_bytes = max_file_bytes
        self._tail = bytearray()
        self._bytes = 0
        self._newlines = 0
        self._file: FileIO | None = None
        self._file_done = False
        self._file_bytes = 0

    @property
    def exceeds(self) -> bool:
        unfinished = 1 if self._tail and self._tail[-1] != 0x0A else 0
        return self._bytes > self._size or self._newlines + unfinished > self._lines

    def feed(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        self._newlines += chunk.count(b"\n")
        self._tail += chunk
        if self._file is not None:
            self._store(chunk)
        elif self.exceeds and not self._file_done:
            self._begin_file()
        kept = 2 * max(self._size, MAX_BYTES)
        if len(self._tail) > 2 * kept:
            del self._tail[:-kept]

    def recent(self, characters: int) -> str:
        """The last part of what has come, for display while the command runs; a character cut in two is left out."""
        recent = self._tail[-characters * 4 :]  # at most four bytes make a character
        return _decode(recent, cut=len(recent) < self._bytes, final=False)[-characters:]

    def finish(self) -> Captured:
        """Closes the file. To be called once, after the last chunk."""
        self._close_file()
        if not self.exceeds:
            return Captured(_decode(self._tail), truncated=False)
        whole = _decode(self._tail, cut=len(self._tail) < self._bytes)
        text = keep_last(whole, lines=self._lines, size=self._size)
        file = self._path if self._file_bytes else None
        return Captured(text, truncated=True, file=file, file_is_cut=self._bytes > self._file_bytes)

    def _begin_file(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb", buffering=0)  # what a killed worker leaves is all that came
        except OSError:
            self._file_done = True
        self._store(bytes(self._tail))  # nothing of the tail was dropped before the file began

    def _store(self, data: bytes) -> None:
        room = self._max_file_bytes - self._file_bytes
        if room <= 0 or self._file is None:
            return
        try:
            self._file_bytes += self._file.write(data[:room])
        except OSError:  # the disk is full: the command goes on, its output is no longer kept
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._file_done = True


def keep_last(text: str, *, lines: int = MAX_LINES, size: int = MAX_BYTES) -> str:
    """The longest run of whole lines at the end within both limits; of a single longer line its end."""
    kept = _split(text)[-lines:]
    total, first = 0, len(kept)
    while first > 0 and total + _size(kept[first - 1]) <= size:
        first -= 1
        total += _size(kept[first])
    if first < len(kept):
        return "".join(kept[first:])
    return _decode(kept[-1].encode("utf-8", "replace")[-size:], cut=True) if kept else ""


def keep_first(text: str, *, lines: int = MAX_LINES, size: int = MAX_BYTES) -> str:
    """The longest run of whole lines at the beginning within both limits; of a single longer line its beginning."""
    kept: list[str] = []
    total = 0
    for line in _split(text)[:lines]:
        total += _size(line)
        if total > size:
            break
        kept.append(line)
    return "".join(kept) if kept else text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def _split(text: str) -> list[str]:
    """Lines with their ends; only a newline ends a line, as in the count (progress bars redraw with \\r)."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _decode(data: bytes | bytearray, *, cut: bool = False, final: bool = True) -> str:
    """Text; ``cut``: the beginning was cut off, perhaps within a character; not ``final``: so may be the end."""
    start = 0
    while cut and start < min(3, len(data)) and data[start] & 0xC0 == 0x80:
        start += 1
    return codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(data[start:]), final)
