"""The calling side of a link: who waits for which reply."""

import itertools
import math

import trio

from oad.contract.trail import TRAIL
from oad.contract.wire import Call, Cancel, Data, Grant, Origin, ProtocolError, Reply

from .stream import Send, Stream

_CANCEL_WAIT_S = 0.2  # a peer that is too far behind to take a Cancel learns of it from the reply's being dropped


class LinkLost(Exception):
    """The link broke before the reply came; the call may or may not have been carried out."""


class _Waiting:
    __slots__ = ("arrived", "outcome", "stream")

    def __init__(self, stream: Stream | None) -> None:
        self.arrived = trio.Event()
        self.stream = stream
        self.outcome: tuple[Reply, bytes] | None = None


class Calls:
    """Numbers calls and hands each reply to its caller. One per connection; ``fail_all`` ends it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._lost = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def call(
        self,
        op: str,
        params: dict[str, str],
        body: bytes = b"",
        *,
        deadline_s: float = 0.0,
        key: str = "",
        origin: Origin | None = None,
        stream: Stream | None = None,
    ) -> tuple[Reply, bytes]:
        """Sends a call and waits for its reply, whatever its status. ``stream`` is open until then.

        Raises trio.TooSlowError after ``deadline_s`` (0: never) and LinkLost. A caller who gives up or is cancelled
        tells the peer so.
        """
        number, waiting = next(self._numbers), _Waiting(stream)
        self._waiting[number] = waiting
        if stream is not None:
            stream.open(number, self._send)
        try:
            with trio.fail_after(deadline_s or math.inf):
                if not self._lost:
                    await self._send(Call(number, op, params, deadline_s, key, origin, TRAIL.get()), body)
                    await waiting.arrived.wait()
        except BaseException:
            await self._withdraw(number)
            raise
        finally:
            del self._waiting[number]
            if stream is not None:
                stream.close()
        if waiting.outcome is None:
            raise LinkLost(op)
        return waiting.outcome

    async def _withdraw(self, number: int) -> None:
        if self._lost:
            return
        with trio.move_on_after(_CANCEL_WAIT_S, shield=True):
            try:
                await self._send(Cancel(number), b"")
            except trio.ClosedResourceError:
                pass  # nobody is left to be told

    def resolve(self, reply: Reply, body: bytes) -> None:
        """A reply has come. One that nobody waits for any more is dropped."""
        if waiting := self._waiting.get(reply.id):
            waiting.outcome = (reply, body)
            waiting.arrived.set()

    def stream(self, frame: Data | Grant, body: bytes) -> bool:
        """Hands a frame to the stream that it belongs to; false when no call of ours has one."""
        waiting = self._waiting.get(frame.id)
        if waiting is None or waiting.stream is None:
            return False
        try:
            waiting.stream.take(frame, body)
        except ProtocolError:
            waiting.arrived.set()  # costs this call, and not the link, which others share
        return True

    def fail_all(self) -> None:
        """The connection is gone: every caller gets LinkLost, later ones too."""
        self._lost = True
        for waiting in self._waiting.values():
            waiting.arrived.set()
