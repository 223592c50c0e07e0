"""Calls from gateways: the ROUTER socket, who is connected to it, and each call's task.

An answer leaves in the journal's order: after every event that was appended before it, and it names the last of them.
The client's stream may be with another gateway: an answer about a session's work waits for the streams of all of them.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
import trio
import zmq

from oad.contract.trail import enter
from oad.contract.wire import (
    PROTOCOL_VERSION,
    Call,
    Cancel,
    Data,
    Frame,
    Grant,
    Hello,
    Listening,
    Ping,
    Pong,
    ProtocolError,
    Reply,
    Welcome,
    decode_frame,
    encode_frame,
)
from oad.link import Answer, Handler, PeerGone, TrioSocket, carry_out, refusal

from .gateways import GatewayLink, Gateways
from .journal import Journal
from .relay import Relay

_log = structlog.get_logger("oad.router")

_FAILURE: Final = 400

Carry = Callable[[Call, Relay], Awaitable[Answer]]


class Router:
    """``lasting`` tells which operations go on although their caller has left, ``needs_store`` which calls have not
    been carried out before what they did is stored; ``streams`` serves those that carry a stream until they are
    answered."""

    def __init__(
        self,
        socket: TrioSocket,
        gateways: Gateways,
        journal: Journal,
        serve: Handler,
        *,
        epoch: str,
        lasting: Callable[[str], bool],
        needs_store: Callable[[Call], bool],
        streams: Mapping[str, Carry] | None = None,
    ) -> None:
        self._socket = socket
        self._gateways = gateways
        self._journal = journal
        self._serve = serve
        self._epoch = epoch
        self._lasting = lasting
        self._needs_store = needs_store
        self._streams = streams or {}
        self._relays: dict[tuple[bytes, int], Relay] = {}
        self._scopes: dict[tuple[bytes, int], trio.CancelScope] = {}

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._socket.pump)
            while True:
                for identity, *rest in await self._socket.recv_many():
                    try:
                        frame, body = decode_frame(rest)
                    except ProtocolError as error:
                        _log.warning("a gateway sent what is no frame", error=str(error))
                        continue
                    self._take(identity, frame, body, nursery)

    def _take(self, identity: bytes, frame: Frame, body: bytes, nursery: trio.Nursery) -> None:
        if isinstance(frame, Call):
            scope = trio.CancelScope()
            if not self._lasting(frame.op):
                self._scopes[identity, frame.id] = scope  # at once: its Cancel may be the next frame
            nursery.start_soon(self._answer, identity, frame, body, scope)
        elif isinstance(frame, Data | Grant):
            if (relay := self._relays.get((identity, frame.id))) is not None:
                relay.down(frame, body)
        elif isinstance(frame, Hello):
            self._welcome(identity, frame, nursery)
        elif isinstance(frame, Cancel):
            if (running := self._scopes.get((identity, frame.id))) is not None:
                running.cancel()
        elif isinstance(frame, Listening):
            self._gateways.listeners.report(identity, frame.streams, frame.cut)
        elif isinstance(frame, Ping):
            self._send(identity, encode_frame(Pong(frame.number)))
        else:
            _log.warning("unexpected frame from a gateway", frame=type(frame).__name__)

    def _welcome(self, identity: bytes, hello: Hello, nursery: trio.Nursery) -> None:
        if hello.version != PROTOCOL_VERSION:
            _log.error("a gateway of another version", version=hello.version, known=PROTOCOL_VERSION)
        elif hello.role == "gateway":
            self._connect(identity, hello, nursery)
        # Also after a refusal: the gateway compares the versions and says what is wrong where its operator looks.
        self._send(identity, encode_frame(Welcome(PROTOCOL_VERSION, self._epoch, self._journal.committed_seq)))

    def _connect(self, identity: bytes, hello: Hello, nursery: trio.Nursery) -> None:
        try:
            link = self._gateways.add(identity, hello.name, hello.endpoint)
        except zmq.ZMQError as error:
            _log.error("a gateway's event link can't be opened", endpoint=hello.endpoint, error=str(error))
            return
        nursery.start_soon(self._follow, link)
        self._end_lost_streams()
        _log.info("gateway connected", gateway=hello.name)

    def _end_lost_streams(self) -> None:
        """Of gateways that were killed: they could not say that their clients have gone."""
        for identity, number in self._relays:
            if not self._gateways.knows(identity):
                self._scopes[identity, number].cancel()

    async def _follow(self, link: GatewayLink) -> None:
        try:
            await link.run()
        except* ProtocolError as errors:
            _log.warning("event link closed", gateway=link.name, error=str(errors.exceptions[0]))
            self._gateways.remove(link)  # also from the sink: publishing to a closed socket raises

    async def _answer(self, identity: bytes, call: Call, body: bytes, scope: trio.CancelScope) -> None:
        enter(call.trail, call.params.get("sessionID", ""))
        try:
            with scope:
                if call.op in self._streams:
                    answer = await self._answer_streamed(identity, call, body, scope)
                else:
                    answer = await carry_out(self._serve, call, body)
                if self._lasting(call.op) and self._gateways.count() > 1:
                    await self._journal.caught_up()
                    await self._gateways.flushed(besides=identity)
                self._answer_in_order(identity, call, answer)
        finally:
            if self._scopes.get((identity, call.id)) is scope:
                del self._scopes[identity, call.id]

    def _answer_in_order(self, identity: bytes, call: Call, answer: Answer) -> None:
        def reply() -> None:
            self._reply(identity, call.id, answer)

        def reply_at_once() -> None:
            trouble = self._journal.failing
            stored = answer.status >= _FAILURE or not self._needs_store(call)
            told = answer if stored or trouble is None else refusal(trouble.refusal())
            self._reply(identity, call.id, told)

        self._journal.then(reply, reply_at_once)

    async def _answer_streamed(self, identity: bytes, call: Call, body: bytes, scope: trio.CancelScope) -> Answer:
        def push(frame: Data | Grant, body: bytes) -> bool:
            return self._send(identity, encode_frame(frame, body))

        async def carry(call: Call, body: bytes) -> Answer:
            return await self._streams[call.op](call, relay)

        relay = self._relays[identity, call.id] = Relay(call.id, push, scope.cancel)
        try:
            return await carry_out(carry, call, body)
        finally:
            del self._relays[identity, call.id]

    def _reply(self, identity: bytes, id: int, answer: Answer) -> None:
        after = self._gateways.last_number(identity)
        self._send(identity, encode_frame(Reply(id, answer.status, answer.headers, after), answer.body))

    def _send(self, identity: bytes, message: list[bytes]) -> bool:
        """False when it could not be sent."""
        try:
            sent = self._socket.try_send([identity, *message])
        except PeerGone:
            return False  # it restarted; its clients ask again
        if not sent:
            # Its queue is full: it reads nothing. Dropping it makes it say hello anew and fail what it waits for.
            _log.warning("a gateway takes no answers: dropped")
            self._gateways.drop(identity)
        return sent


def bind_router(context: "zmq.Context[zmq.Socket[bytes]]") -> "zmq.Socket[bytes]":
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.SNDHWM, 10_000)
    socket.setsockopt(zmq.RCVHWM, 10_000)
    return socket
