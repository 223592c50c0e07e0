"""The stream that a call may carry until its reply: pieces of bytes in both directions, each within its credit."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from trio.lowlevel import ParkingLot

from oad.contract.wire import STREAM_PIECE, STREAM_WINDOW, Data, Frame, Grant, ProtocolError, cost_of

Send = Callable[[Frame, bytes], Awaitable[None]]

_GRANT_AT: Final = STREAM_WINDOW // 4  # consumed before the other end is told: a grant costs as much as a piece


class Stream(Protocol):
    """What is done with the stream of a call; a link calls these."""

    def open(self, number: int, send: Send) -> None:
        """The call has this number, and its frames leave by ``send``."""
        ...

    def take(self, frame: Data | Grant, body: bytes) -> None:
        """Raises ProtocolError for more than was granted."""
        ...

    def close(self) -> None:
        """The call is over."""
        ...


class StreamEnd:
    """Where a stream begins or ends. Nothing piles up: what the other end does not take stays with the sender, and
    what has arrived is at most what was granted."""

    def __init__(self) -> None:
        self._number = 0
        self._send: Send | None = None
        self._credit = STREAM_WINDOW
        self._open_credit = STREAM_WINDOW  # that the other end has
        self._consumed = 0
        self._arrived: deque[tuple[int, bytes]] = deque()
        self._changed = ParkingLot()
        self._closed = False

    def open(self, number: int, send: Send) -> None:
        self._number, self._send = number, send

    def take(self, frame: Data | Grant, body: bytes) -> None:
        if isinstance(frame, Grant):
            self._credit += frame.size
        else:
            if self._open_credit <= 0 or len(body) > STREAM_PIECE:
                raise ProtocolError(f"more in a stream than was granted: {len(body)} bytes")
            self._open_credit -= cost_of(body)
            self._arrived.append((frame.cursor, body))
        self._changed.unpark_all()

    def close(self) -> None:
        self._closed = True
        self._changed.unpark_all()

    async def writable(self) -> bool:
        """Waits until a piece may be sent; false when the stream is over."""
        while self._credit <= 0 and not self._closed:
            await self._changed.park()
        return not self._closed

    async def send(self, body: bytes, cursor: int = -1) -> None:
        """At most STREAM_PIECE bytes, once there is credit for them. What is sent to a stream that is over is lost.

        Raises trio.ClosedResourceError when the link is."""
        if await self.writable():
            assert self._send is not None, "a stream is used before its call was made"
            self._credit -= cost_of(body)
            await self._send(Data(self._number, cursor), body)

    async def receive(self) -> tuple[int, bytes] | None:
        """The next piece: cursor and body. None when the stream is over and everything that came was received."""
        while not self._arrived:
            if self._closed:
                return None
            await self._changed.park()
        return self._arrived.popleft()

    async def consumed(self, body: bytes) -> None:
        """A piece that was received is dealt with: the other end may send as much again."""
        self._consumed += cost_of(body)
        if self._consumed >= _GRANT_AT and not self._closed:
            assert self._send is not None
            size, self._consumed = self._consumed, 0
            self._open_credit += size
            await self._send(Grant(self._number, size), b"")
