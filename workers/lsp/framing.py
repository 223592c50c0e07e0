"""Messages on a byte stream: a header with the length, an empty line, JSON. Pure."""

from collections.abc import Iterator
from typing import Final

MAX_BYTES: Final = 32 << 20
_MAX_HEADER: Final = 4096
_END: Final = b"\r\n\r\n"


class BadFrame(Exception):
    """What came is no message; where the next one begins cannot be told."""


def frame(content: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(content), content)


class Framer:
    def __init__(self) -> None:
        self._data = bytearray()
        self._length: int | None = None  # of the message whose header has come

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The contents that are complete now. Raises BadFrame."""
        self._data += data
        while True:
            if self._length is None:
                self._length = self._take_header()
            if self._length is None or len(self._data) < self._length:
                return
            content = bytes(self._data[: self._length])
            del self._data[: self._length]
            self._length = None
            yield content

    def _take_header(self) -> int | None:
        end = self._data.find(_END, 0, _MAX_HEADER)
        if end < 0:
            if len(self._data) >= _MAX_HEADER:
                raise BadFrame(f"no header in {bytes(self._data[:80])!r}")
            return None
        length = _read_length(bytes(self._data[:end]))
        del self._data[: end + len(_END)]
        return length


def _read_length(header: bytes) -> int:
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < 20:
            length = int(value)
            if length > MAX_BYTES:
                raise BadFrame(f"a message of {length} bytes")
            return length
    raise BadFrame(f"no length in {header[:80]!r}")
