"""What a background job writes: the newest of it in a file, never more than fits."""

import contextlib
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1024 * 1024
_PAGE: Final = 256 * 1024


class JobOutput:
    """A file that is plain to read at any time: when it is full its older half is dropped. Offsets count all bytes ever
    written. A disk that is full costs output, never the job."""

    def __init__(self, file: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.file = file
        self._max = max_bytes
        self._first = 0  # offset of the file's first byte
        self._end = 0

    def write(self, data: bytes) -> None:
        kept = data[-self._max :]
        try:
            if self._end - self._first + len(data) > self._max:
                self._replace(self._newest(min(self._max // 2, self._max - len(kept))) + kept, len(data))
            else:
                self._append(kept)
        except OSError:
            self._end += len(data)
            self._first = self._end
            self.remove()

    def _append(self, data: bytes) -> None:
        if not self._end:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab", buffering=0) as file:
            file.write(data)
        self._end += len(data)

    def _replace(self, content: bytes, added: int) -> None:
        """Whoever has it open goes on reading the old one."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(".new")
        beside.write_bytes(content)
        beside.replace(self.file)
        self._end += added
        self._first = self._end - len(content)

    def _newest(self, size: int) -> bytes:
        return self._slice(max(self._end - size, self._first), size) if size else b""

    def _slice(self, offset: int, size: int) -> bytes:
        if self._end == self._first:
            return b""
        with self.file.open("rb") as file:
            file.seek(offset - self._first)
            return file.read(size)

    def read(self, offset: int, *, final: bool = False) -> tuple[int, int, str]:
        """Where the piece begins, where it ends, and its text; a character that is not complete yet is left for later
        unless ``final``."""
        start = min(max(offset, self._first), self._end)
        try:
            data = self._slice(start, _PAGE)
        except OSError:
            return self._end, self._end, ""
        cut = _incomplete(data) if len(data) == _PAGE or not final else 0
        data = data[: len(data) - cut]
        return start, start + len(data), data.decode(errors="replace")

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self.file.unlink()


def _incomplete(data: bytes) -> int:
    """How many bytes at the end begin a character of which the rest is missing."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < wanted else 0
        if byte < 0x80:
            return 0
    return 0
