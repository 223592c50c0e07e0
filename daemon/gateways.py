"""The event links to the gateways: each has its own socket, its own credit, and its own queue.

A gateway that is slow costs only itself: without credit its pushes wait here, volatile ones are dropped first, and if
that does not help the gateway is dropped: it says hello again and replays what its clients miss from the journal.
"""

import itertools
from collections import deque
from typing import Final

import structlog
import trio
import zmq

from oad.contract.wire import Ack, Flush, Flushed, Listening, ProtocolError, Push, decode_frame, encode_frame
from oad.link import TrioSocket

from .journal import INTERNAL_PREFIX, Published
from .listeners import Listeners

_log = structlog.get_logger("oad.gateways")

WINDOW: Final = 1024  # pushes in flight per gateway
_QUEUED: Final = 20_000  # waiting for credit, before volatile ones go
_QUEUED_BYTES: Final = 64 * 1024 * 1024  # the same
_FLUSH_S: Final = 0.5  # so long an answer waits for the streams of other gateways
_SILENT_S: Final = 30.0  # unacknowledged for so long: the gateway is gone


class GatewayLink:
    """``number`` counts what was published on this link; a reply that names it is held back until it is delivered.
    What is published goes out with the next ``flush``: sending several at once is cheaper."""

    def __init__(self, name: str, socket: TrioSocket, *, now: float, pid: int = 0) -> None:
        self.name = name
        self.pid = pid
        self.listening = Listening({})  # as it says
        self.number = 0
        self.acked = 0
        self._socket = socket
        self._in_flight = 0  # number of the last push handed to ZeroMQ
        self._queue: deque[tuple[int, bool, list[bytes]]] = deque()
        self._bytes = 0
        self._heard = now
        self._asked = 0  # number of the newest Flush
        self._flushed = 0
        self._progress = trio.lowlevel.ParkingLot()

    def publish(self, event: Published) -> None:
        self.number += 1
        frame = Push(number=self.number, **event.head())
        droppable = event.seq == 0 and not event.type.startswith(INTERNAL_PREFIX)
        self._append(self.number, encode_frame(frame, event.body), volatile=droppable)

    def _append(self, number: int, message: list[bytes], *, volatile: bool = False) -> None:
        self._queue.append((number, volatile, message))
        self._bytes += _size(message)

    @property
    def lag(self) -> int:
        """Events that it has not taken yet."""
        return self.number - self.acked

    def flush(self) -> None:
        """Sends what the credit allows."""
        room = WINDOW - (self._in_flight - self.acked)
        ready = [message for _, _, message in itertools.islice(self._queue, max(room, 0))]
        for _ in range(self._socket.try_send_many(ready) if ready else 0):
            self._in_flight, _, message = self._queue.popleft()
            self._bytes -= _size(message)

    def on_ack(self, number: int, now: float) -> None:
        self.acked = max(self.acked, min(number, self._in_flight))
        self._heard = now
        self.flush()

    async def flushed(self) -> None:
        """Waits until the gateway has written what was published so far to its streams, or is gone."""
        number = self.number
        if self._asked < number:
            self._asked = number
            self._append(number, encode_frame(Flush(number)))
            self.flush()
        while self._flushed < number:
            await self._progress.park()

    def on_flushed(self, number: int) -> None:
        self._flushed = max(self._flushed, number)
        self._progress.unpark_all()

    def relieve(self, now: float) -> bool:
        """Makes room; False when the gateway is hopeless: too far behind with durable events alone, or silent."""
        if self._is_too_full():
            self._queue = deque(entry for entry in self._queue if not entry[1])
            self._bytes = sum(_size(message) for _, _, message in self._queue)
        if not self._queue and self._in_flight == self.acked:
            self._heard = now
        return not self._is_too_full() and now - self._heard < _SILENT_S

    def _is_too_full(self) -> bool:
        return len(self._queue) > _QUEUED or self._bytes > _QUEUED_BYTES

    def close(self) -> None:
        self._socket.close()
        self.on_flushed(self.number)  # nobody is to wait for it any more

    async def run(self) -> None:
        """Takes acknowledgements until the link is closed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._socket.pump)
            try:
                while True:
                    await self._take()
            except trio.ClosedResourceError:
                nursery.cancel_scope.cancel()

    async def _take(self) -> None:
        for message in await self._socket.recv_many():
            frame, _ = decode_frame(message)
            match frame:
                case Ack(number):
                    self.on_ack(number, trio.current_time())
                case Flushed(number):
                    self.on_flushed(number)
                case _:
                    raise ProtocolError(f"a gateway sent {type(frame).__name__} on its event link")


def _size(message: list[bytes]) -> int:
    return sum(map(len, message))


class Gateways:
    """All event links, by the identity of the gateway's call socket. The journal's sink."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._context = context
        self._links: dict[bytes, GatewayLink] = {}
        self.listeners = Listeners()
        self.restarts = 0
        self._pids: dict[str, int] = {}  # by name, of the last of that name

    def links(self) -> list[GatewayLink]:
        return list(self._links.values())

    def note(self, identity: bytes, listening: Listening) -> None:
        self.listeners.report(identity, listening.streams, listening.cut)
        if (link := self._links.get(identity)) is not None:
            link.listening = listening

    def publish(self, event: Published) -> None:
        for link in self._links.values():
            link.publish(event)

    def flush(self) -> None:
        """Sends on what was published."""
        for link in self._links.values():
            link.flush()

    def last_number(self, identity: bytes) -> int:
        link = self._links.get(identity)
        return link.number if link else 0

    async def flushed(self, besides: bytes) -> None:
        """Waits until all but one have written what was published so far to their streams; at most 0.5 s."""
        with trio.move_on_after(_FLUSH_S):
            async with trio.open_nursery() as nursery:
                for identity, link in self._links.items():
                    if identity != besides:
                        nursery.start_soon(link.flushed)

    def knows(self, identity: bytes) -> bool:
        return identity in self._links

    def count(self) -> int:
        return len(self._links)

    def add(self, identity: bytes, name: str, endpoint: str, pid: int = 0) -> GatewayLink:
        """A gateway said hello, perhaps again: it starts with a fresh link. Raises zmq.ZMQError for no endpoint."""
        for known, link in list(self._links.items()):
            if known == identity or link.name == name:
                self.drop(known)
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, WINDOW * 2)
        try:
            socket.connect(endpoint)
        except zmq.ZMQError:
            socket.close()
            raise
        link = self._links[identity] = GatewayLink(name, TrioSocket(socket), now=trio.current_time(), pid=pid)
        self.restarts += self._pids.get(name, pid) != pid
        self._pids[name] = pid
        return link

    def drop(self, identity: bytes) -> None:
        self.listeners.forget(identity)
        link = self._links.pop(identity, None)
        if link is not None:
            link.close()

    def remove(self, link: GatewayLink) -> None:
        """As ``drop``, unless the gateway has said hello anew and got another link."""
        for identity, known in list(self._links.items()):
            if known is link:
                self.drop(identity)

    async def watch(self) -> None:
        """Relieves or drops gateways that fall behind."""
        while True:
            await trio.sleep(0.25)
            for identity, link in list(self._links.items()):
                if not link.relieve(trio.current_time()):
                    _log.warning("gateway dropped: too far behind or silent", gateway=link.name)
                    self.drop(identity)
