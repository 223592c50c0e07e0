"""A daemon that speaks the real frames over real sockets, a gateway in front of it, and clients over real HTTP."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import trio
import zmq

from oad.contract.replay import ReplayedEvent, ReplayPage, encode_page, mark_of
from oad.contract.wire import (
    PROTOCOL_VERSION,
    Ack,
    Call,
    Cancel,
    Hello,
    Listening,
    Push,
    Reply,
    Welcome,
    decode_frame,
    encode_frame,
)
from oad.gateway.main import serve_gateway
from oad.gateway.settings import GatewaySettings
from oad.gateway.users import Users
from oad.link import Answer, PeerGone, Serving, TrioSocket, bind_private

PAGE = 300  # rows of a replay
Handler = Callable[[Call, bytes], Awaitable[Answer]]


async def echo(call: Call, body: bytes) -> Answer:
    return Answer(msgspec.json.encode({"op": call.op, "params": call.params, "body": body.decode()}))


class FakeDaemon:
    """One start of a daemon. ``journal`` may be shared with the next one."""

    def __init__(self, runtime: Path, epoch: str, journal: list[tuple[Push, bytes]]) -> None:
        self.epoch = epoch
        self.journal = journal
        self.kept_from = 1  # the journal's oldest number
        self.handler: Handler = echo
        self.calls: list[Call] = []
        self.cancelled: list[int] = []
        self.acknowledged = 0
        self.listening: dict[str, int] = {}
        self.greeted = trio.Event()
        self.pushed = 0
        self._acked = trio.lowlevel.ParkingLot()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        raw = self._context.socket(zmq.ROUTER)
        raw.linger, raw.router_mandatory = 0, True
        self.endpoint = bind_private(raw, runtime / "daemon.sock")
        self._router = TrioSocket(raw)
        self._events: TrioSocket | None = None
        self._links: list[TrioSocket] = []

    async def run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._router.pump)
                await self._read(nursery)
        finally:
            self._router.close()
            for events in self._links:
                events.close()
            self._context.term()

    async def _read(self, nursery: trio.Nursery) -> None:
        serving: Serving | None = None
        while True:
            identity, *parts = await self._router.recv_multipart()
            frame, body = decode_frame(parts)

            async def reply(reply: Reply, body: bytes, identity: bytes = identity) -> None:
                after = Reply(reply.id, reply.status, reply.headers, self.pushed)
                with contextlib.suppress(PeerGone):  # it is just being restarted, and asks again
                    self._router.try_send([identity, *encode_frame(after, body)])
                await trio.lowlevel.checkpoint()

            match frame:
                case Hello():
                    self._greet(identity, frame, nursery)
                    serving = Serving(nursery, reply, self._handle)
                case Call():
                    assert serving
                    serving.accept(frame, body)
                case Listening(streams):
                    self.listening = streams
                case Cancel():
                    assert serving
                    self.cancelled.append(frame.id)
                    serving.cancel(frame.id)
                case _:
                    raise AssertionError(frame)

    def _greet(self, identity: bytes, hello: Hello, nursery: trio.Nursery) -> None:
        raw = self._context.socket(zmq.DEALER)
        raw.linger = 0
        raw.connect(hello.endpoint)
        self._events, self.pushed = TrioSocket(raw), 0
        self._links.append(self._events)
        nursery.start_soon(self._events.pump)
        nursery.start_soon(self._read_acks, self._events)
        last = self.journal[-1][0].seq if self.journal else 0
        self._router.try_send([identity, *encode_frame(Welcome(PROTOCOL_VERSION, self.epoch, last))])
        self.greeted.set()

    async def _read_acks(self, events: TrioSocket) -> None:
        while True:
            frame, _ = decode_frame(await events.recv_multipart())
            assert isinstance(frame, Ack)
            self.acknowledged = frame.number
            self._acked.unpark_all()

    async def taken(self) -> None:
        """Waits until the gateway has taken every push so far."""
        while self.acknowledged < self.pushed:
            await self._acked.park()

    async def _handle(self, call: Call, body: bytes) -> Answer:
        self.calls.append(call)
        if call.op == "event.replay":
            return self._replay(call.params)
        return await self.handler(call, body)

    def _replay(self, params: dict[str, str]) -> Answer:
        after, only = int(params["after"]), params.get("onlyDirectory")
        rows = [
            ReplayedEvent(p.seq, p.type, p.directory, p.project, p.session, p.aggregate_seq, p.id, msgspec.Raw(body))
            for p, body in self.journal
            if max(after, self.kept_from - 1) < p.seq and only in (None, p.directory)
        ]
        last = rows[:PAGE][-1].seq if rows else after
        complete = after >= self.kept_from - 1
        page = ReplayPage(rows[:PAGE], last, more=len(rows) > PAGE, complete=complete, first=self.kept_from)
        if not self._knows(after, params.get("mark", "")):
            end = self.journal[-1][0] if self.journal else None
            page = ReplayPage(
                [], end.seq if end else 0, complete=False, known=False, mark=mark_of(end.seq, end.id) if end else ""
            )
        return Answer(encode_page(page))

    def _knows(self, after: int, mark: str) -> bool:
        end = self.journal[-1][0].seq if self.journal else 0
        return 0 <= after <= end and (not mark or mark in {mark_of(push.seq, push.id) for push, _ in self.journal})

    def record(self, type: str, properties: dict[str, Any], directory: str = "/p") -> tuple[Push, bytes]:
        """Journals a durable event without pushing it."""
        seq = self.journal[-1][0].seq + 1 if self.journal else 1
        body = msgspec.json.encode({"id": f"evt_{seq:04}", "type": type, "properties": properties})
        push = Push(0, seq, type, directory, "prj", "ses_1", seq - 1, f"evt_{seq:04}")
        self.journal.append((push, body))
        return push, body

    async def publish(self, type: str, properties: dict[str, Any], directory: str = "/p") -> None:
        """A durable event, journalled and pushed."""
        await self.push(*self.record(type, properties, directory))

    async def publish_volatile(self, type: str, properties: dict[str, Any], directory: str = "/p") -> None:
        body = msgspec.json.encode({"id": "evt_v", "type": type, "properties": properties})
        await self.push(Push(0, 0, type, directory, "prj", "ses_1", 0, "evt_v"), body)

    async def push(self, push: Push, body: bytes) -> None:
        await self.greeted.wait()
        assert self._events
        self.pushed += 1
        await self._events.send_multipart(encode_frame(msgspec.structs.replace(push, number=self.pushed), body))


class Stand:
    """The gateway under test and what is needed to talk to it."""

    def __init__(self, runtime: Path, nursery: trio.Nursery) -> None:
        self.runtime = runtime
        self.nursery = nursery
        self.port = 0
        self.stopping = trio.Event()
        self.journal: list[tuple[Push, bytes]] = []
        self.daemon: FakeDaemon
        self._daemon_scope = trio.CancelScope()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_daemon(self, epoch: str = "e1") -> FakeDaemon:
        self.daemon = FakeDaemon(self.runtime, epoch, self.journal)
        self._daemon_scope = trio.CancelScope()
        self.nursery.start_soon(self._run_daemon, self.daemon, self._daemon_scope)
        return self.daemon

    async def _run_daemon(self, daemon: FakeDaemon, scope: trio.CancelScope) -> None:
        with scope:
            await daemon.run()

    def stop_daemon(self) -> None:
        self._daemon_scope.cancel()

    async def start_gateway(self, users: Users | None = None, **settings: Any) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        descriptor = os.dup(listener.fileno())
        listener.close()
        complete = GatewaySettings(
            **{
                "name": "g1",
                "descriptor": descriptor,
                "daemon_endpoint": f"ipc://{self.runtime}/daemon.sock",
                "runtime_dir": str(self.runtime),
                "cwd": "/srv/cwd",
                "grace_s": 0.2,
                **settings,
            }
        )
        self.nursery.start_soon(serve_gateway, complete, self.stopping, users)


@asynccontextmanager
async def standing(runtime: Path, *, wait: bool = True, **settings: Any) -> AsyncIterator[Stand]:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            stand = Stand(runtime, nursery)
            stand.start_daemon()
            await stand.start_gateway(**settings)
            if wait:
                await stand.daemon.greeted.wait()
            yield stand
            stand.stopping.set()
            nursery.cancel_scope.cancel()


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(tmp_path) as stand:
        yield stand


@pytest.fixture
async def client(stand: Stand) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=stand.url, timeout=5) as client:
        yield client
