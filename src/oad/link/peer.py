"""One end of a two-way link: calls and replies in both directions, and one-way frames, over one ZeroMQ socket.

Used where each end both asks and serves: between the daemon and a worker.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from oad.contract.wire import Call, Cancel, Data, Frame, Grant, Ping, Pong, Reply, decode_frame, encode_frame

from .calls import Calls
from .serving import Handler, Serving
from .socket import TrioSocket
from .stream import Stream

_DRAIN: Final = 256

OnFrame = Callable[[Frame, bytes], Awaitable[None]]


class Peer:
    """``handler`` answers the other end's calls, each in a task of its own, begun in their order; ``on_frame`` takes
    all other frames, in order, and delays what follows while it runs: also those of streams in calls it answers."""

    def __init__(self, socket: TrioSocket, *, handler: Handler, on_frame: OnFrame) -> None:
        self._socket = socket
        self._handler = handler
        self._on_frame = on_frame
        self._calls = Calls(self.send)

    async def run(self) -> None:
        """Moves frames until the link is closed. Raises ProtocolError when the other end sends what is no frame."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._socket.pump)
            serving = Serving(nursery, self._reply, self._handler)
            try:
                while True:
                    for message in await self._socket.recv_many(_DRAIN):
                        await self._take(message, serving)
            except trio.ClosedResourceError:
                nursery.cancel_scope.cancel()

    async def send(self, frame: Frame, body: bytes = b"") -> None:
        """Waits while the other end is behind. Raises trio.ClosedResourceError after the end of the link."""
        await self._socket.send_multipart(encode_frame(frame, body))

    def try_send(self, frame: Frame, body: bytes = b"") -> bool:
        """Sends now or not at all: false when the other end is too far behind, or the link has ended."""
        return not self._socket.closed and self._socket.try_send(encode_frame(frame, body))

    async def _reply(self, frame: Reply, body: bytes) -> None:
        try:
            await self.send(frame, body)
        except trio.ClosedResourceError:
            pass  # closed while the call was carried out: whoever made it has heard that from its own end

    async def call(
        self,
        op: str,
        params: dict[str, str],
        body: bytes = b"",
        *,
        deadline_s: float = 0.0,
        stream: Stream | None = None,
    ) -> tuple[Reply, bytes]:
        """Raises trio.TooSlowError after ``deadline_s`` (0: never), LinkLost when the other end is gone."""
        return await self._calls.call(op, params, body, deadline_s=deadline_s, stream=stream)

    def close(self) -> None:
        """Every waiting and every later call raises LinkLost."""
        self._calls.fail_all()
        self._socket.close()

    async def _take(self, message: list[bytes], serving: Serving) -> None:
        frame, body = decode_frame(message)
        if isinstance(frame, Reply):
            self._calls.resolve(frame, body)
        elif isinstance(frame, Call):
            serving.accept(frame, body)
            # Its task takes its first step before that of the next: calls begin in the order in which they were sent.
            await trio.lowlevel.checkpoint()
        elif isinstance(frame, Cancel):
            serving.cancel(frame.id)
        elif isinstance(frame, Ping):
            self.try_send(Pong(frame.number))  # an end that is behind shows by what it sends that it lives
        elif not (isinstance(frame, Data | Grant) and self._calls.stream(frame, body)):
            await self._on_frame(frame, body)
