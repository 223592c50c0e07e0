"""The newest output of a terminal, by position. Pure.

Positions count what clients count, whose strings are UTF-16: one for most characters, two for those beyond the basic
plane. Kept is UTF-8, in pieces of some size: a program may write one byte at a time.
"""

from collections import deque
from typing import Final

MAX_BYTES: Final = 2 * 1024 * 1024
_PIECE: Final = 16 * 1024


class _Piece:
    __slots__ = ("data", "start", "units")

    def __init__(self, start: int) -> None:
        self.start = start
        self.units = 0
        self.data = bytearray()


class Scrollback:
    """Holds what lies from ``start`` to ``end``."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._pieces: deque[_Piece] = deque([_Piece(0)])
        self._bytes = 0

    @property
    def start(self) -> int:
        return self._pieces[0].start

    @property
    def end(self) -> int:
        last = self._pieces[-1]
        return last.start + last.units

    def append(self, text: str) -> None:
        for at in range(0, len(text), _PIECE):
            self._append(text[at : at + _PIECE])
        self._trim()

    def _append(self, text: str) -> None:
        data = text.encode()
        piece = self._pieces[-1]
        if len(piece.data) + len(data) > _PIECE and piece.data:
            piece = _Piece(self.end)
            self._pieces.append(piece)
        piece.data += data
        piece.units += units_of(text)
        self._bytes += len(data)

    def _trim(self) -> None:
        excess = self._bytes - self._max
        while excess > 0:
            first = self._pieces[0]
            if len(first.data) <= excess and len(self._pieces) > 1:
                self._pieces.popleft()
                excess -= len(first.data)
                self._bytes -= len(first.data)
            else:
                cut = _whole(first.data, excess)
                lost = units_of(first.data[:cut].decode())
                del first.data[:cut]
                first.start += lost
                first.units -= lost
                self._bytes -= cut
                return

    def read(self, position: int, most: int) -> tuple[bytes, int]:
        """At most ``most`` bytes (a few less, where a character would be cut) from ``position`` on, or from the oldest
        that is left, and the position behind them."""
        position = max(position, self.start)
        found = bytearray()
        for piece in self._pieces:
            if piece.start + piece.units <= position:
                continue
            data = piece.data
            if piece.start < position:
                offset, units = _offset(piece, position - piece.start)
                data, position = data[offset:], piece.start + units
            room = most - len(found)
            if len(data) > room:
                data = data[: _whole_before(data, room)]
                found += data
                return bytes(found), position + units_of(bytes(found).decode())
            found += data
        return bytes(found), self.end


def units_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _offset(piece: _Piece, units: int) -> tuple[int, int]:
    """Where that is in bytes, and again in units: at the beginning of a character of which it is the middle."""
    if piece.units == len(piece.data):
        return units, units  # ASCII
    text = piece.data.decode().encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")
    return len(text.encode()), units_of(text)


def _whole(data: bytearray, at: int) -> int:
    """The first boundary between characters from ``at`` on."""
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


def _whole_before(data: bytearray, at: int) -> int:
    while at > 0 and data[at] & 0xC0 == 0x80:
        at -= 1
    return at
