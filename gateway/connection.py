"""One connection to the daemon, from hello to the daemon's end: calls on one socket, pushed events on another.

Both sockets are made anew for each connection. A ZeroMQ socket that outlived its peer would deliver to the next daemon
what was meant for the last one (calls whose callers were told that they failed) and mix the two daemons' pushes.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import trio
import zmq
from trio.lowlevel import ParkingLot

from oad.contract.wire import (
    PROTOCOL_VERSION,
    Ack,
    Call,
    Data,
    Flush,
    Flushed,
    Frame,
    Grant,
    Hello,
    Listening,
    Ping,
    Pong,
    ProtocolError,
    Push,
    Reply,
    Welcome,
    decode_frame,
    encode_frame,
)
from oad.link import Calls, TrioSocket, bind_private

from .happening import RELOADED, pushed
from .streams import FLUSH_S, Streams

HELLO_S: Final = 10.0
ACK_EVERY: Final = 64  # pushes; far below the daemon's window
ACK_S: Final = 0.1  # after which fewer are acknowledged
_CENSUS_S: Final = 0.05  # many streams may come or go at once
_LAG_S: Final = 5.0  # between looks at whether readers lag
_RECONNECT_MS: Final = 20

Greeted = Callable[["Connection", Welcome], Awaitable[None]]


class Connection:
    """``run`` returns when the daemon is gone or does not answer. Raises zmq.ZMQError at first where no socket can be
    made."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        endpoint: str,
        name: str,
        events: Path,
        on_reload: Callable[[], object] = str,
    ) -> None:
        self._name = name
        self._on_reload = on_reload
        self._path = events
        self._calls_raw, self._events_raw = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
        for raw in (self._calls_raw, self._events_raw):
            raw.linger = 0
            raw.reconnect_ivl = _RECONNECT_MS
        try:
            self._events_endpoint = bind_private(self._events_raw, events)
        except zmq.ZMQError:
            self._calls_raw.close()
            self._events_raw.close()
            raise
        self._monitors = [TrioSocket(_monitor(raw)) for raw in (self._calls_raw, self._events_raw)]
        self._calls_raw.connect(endpoint)
        self._socket, self._events = TrioSocket(self._calls_raw), TrioSocket(self._events_raw)
        self.calls = Calls(self._send)
        self._welcome: Welcome | None = None
        self._welcomed = trio.Event()
        self._taken = 0  # number of the last push
        self._acknowledged = 0
        self._offset = 0  # what to add to a push's number to get its position in the fan-out
        self._progress = ParkingLot()

    async def run(self, pid: int, greeted: Greeted, streams: Streams) -> None:
        """``greeted`` is awaited once the daemon has answered, before the first event is taken."""
        try:
            async with trio.open_nursery() as nursery:
                for socket in (self._socket, self._events, *self._monitors):
                    nursery.start_soon(socket.pump)
                for monitor in self._monitors:
                    nursery.start_soon(_until_disconnected, monitor, nursery.cancel_scope)
                nursery.start_soon(self._read_replies)
                nursery.start_soon(self._acknowledge_the_rest)
                await self._send(Hello(PROTOCOL_VERSION, "gateway", self._name, pid, self._events_endpoint), b"")
                if welcome := await self._await_welcome():
                    await greeted(self, welcome)
                    nursery.start_soon(self._tell_of_streams, streams)
                    await self._read_events(streams, nursery)
                nursery.cancel_scope.cancel()
        finally:
            self._close()

    async def _await_welcome(self) -> Welcome | None:
        with trio.move_on_after(HELLO_S):
            await self._welcomed.wait()
        if self._welcome and self._welcome.version != PROTOCOL_VERSION:
            raise ProtocolError(f"the daemon speaks version {self._welcome.version}, not {PROTOCOL_VERSION}")
        return self._welcome

    def _close(self) -> None:
        self.calls.fail_all()
        self._progress.unpark_all()
        for raw in (self._calls_raw, self._events_raw):
            raw.disable_monitor()
        for socket in (*self._monitors, self._socket, self._events):
            socket.close()
        self._path.unlink(missing_ok=True)

    async def _send(self, frame: Frame, body: bytes) -> None:
        await self._socket.send_multipart(encode_frame(frame, body))

    async def _tell_of_streams(self, streams: Streams) -> None:
        """Keeps the daemon informed of who listens: asks that nobody can hear of are not waited for."""
        told: Listening | None = None
        while True:
            changed = streams.changed
            found = Listening(streams.by_directory(), streams.cut, streams.lag())
            if found != told:
                told = found
                await self._send(found, b"")
            with trio.move_on_after(_LAG_S):
                await changed.wait()
            await trio.sleep(_CENSUS_S)

    async def _read_replies(self) -> None:
        while True:
            for parts in await self._socket.recv_many():
                frame, body = decode_frame(parts)
                await self._take_reply(frame, body)

    async def _take_reply(self, frame: Frame, body: bytes) -> None:
        match frame:
            case Reply():
                self.calls.resolve(frame, body)
            case Welcome():
                self._welcome = frame
                self._welcomed.set()
            case Data() | Grant():
                self.calls.stream(frame, body)
            case Ping():
                await self._send(Pong(frame.number), b"")
            case Call():
                await self._send(Reply(frame.id, 404), b"")  # a gateway serves no calls
            case _:
                pass

    async def _read_events(self, streams: Streams, nursery: trio.Nursery) -> None:
        self._offset = streams.fanout.position
        while True:
            batch = await self._events.recv_many(ACK_EVERY)
            for parts in batch:
                frame, body = decode_frame(parts)
                if isinstance(frame, Push):
                    if frame.type == RELOADED:
                        self._on_reload()
                    streams.fanout.publish(pushed(frame, body), self._offset + frame.number)
                    self._taken = frame.number
                elif isinstance(frame, Flush):
                    nursery.start_soon(self._flush, frame.number, streams)
            self._progress.unpark_all()
            if self._taken - self._acknowledged >= ACK_EVERY:
                await self._acknowledge()

    async def _acknowledge_the_rest(self) -> None:
        """Late, because an acknowledgement costs both processes as much as a push."""
        while True:
            await self._progress.park()
            await trio.sleep(ACK_S)
            if self._taken > self._acknowledged:
                await self._acknowledge()

    async def _acknowledge(self) -> None:
        self._acknowledged = self._taken
        await self._events.send_multipart(encode_frame(Ack(self._taken)))

    async def _flush(self, number: int, streams: Streams) -> None:
        await self.settled(number, streams)
        await self._events.send_multipart(encode_frame(Flushed(number)))

    async def settled(self, after: int, streams: Streams) -> None:
        """Waits until the streams have written every push up to number ``after``; at most 0.5 s."""
        if after > self._taken:
            with trio.move_on_after(FLUSH_S):
                while after > self._taken and not self._socket.closed:
                    await self._progress.park()
        await streams.flushed(self._offset + after)


def _monitor(raw: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    return raw.get_monitor_socket(zmq.EVENT_DISCONNECTED)


async def _until_disconnected(monitor: TrioSocket, scope: trio.CancelScope) -> None:
    await monitor.recv_multipart()
    scope.cancel()
