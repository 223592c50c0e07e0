from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
import zmq

from oad.contract.errors import not_found
from oad.contract.wire import (
    PROTOCOL_VERSION,
    Ack,
    Call,
    Cancel,
    Data,
    Drain,
    Frame,
    Grant,
    Hello,
    Ping,
    Pong,
    Push,
    Reply,
    Welcome,
    decode_frame,
    encode_frame,
)
from oad.daemon.gateways import Gateways
from oad.daemon.journal import Journal, Place
from oad.daemon.relay import Relay
from oad.daemon.router import Router, bind_router
from oad.daemon.store import Store
from oad.link import Answer, TrioSocket, bind_private


class Gateway:
    """What a gateway has: a socket for calls and one for events."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", path: Path, daemon: str) -> None:
        calls, events = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
        calls.linger = events.linger = 0
        self.endpoint = bind_private(events, path)
        calls.connect(daemon)
        self.calls, self.events = TrioSocket(calls), TrioSocket(events)

    async def send(self, *frames: Frame) -> None:
        for frame in frames:
            await self.calls.send_multipart(encode_frame(frame))

    async def hear(self) -> tuple[Frame, bytes]:
        return decode_frame(await self.calls.recv_multipart())

    async def ask(self, call: Call) -> tuple[Reply, bytes]:
        await self.send(call)
        frame, body = await self.hear()
        assert isinstance(frame, Reply)
        return frame, body

    async def greet(self, *, version: int = PROTOCOL_VERSION) -> Welcome:
        await self.send(Hello(version, "gateway", "gateway-0", 1, self.endpoint))
        frame, _ = await self.hear()
        assert isinstance(frame, Welcome)
        return frame

    async def event(self) -> Push:
        frame, _ = decode_frame(await self.events.recv_multipart())
        assert isinstance(frame, Push)
        return frame

    def close(self) -> None:
        self.calls.close()
        self.events.close()


class Downstream:
    """The link to a worker."""

    def __init__(self) -> None:
        self.heard: list[tuple[Frame, bytes]] = []

    def try_send(self, frame: Frame, body: bytes = b"") -> bool:
        self.heard.append((frame, body))
        return True

    async def send(self, frame: Frame, body: bytes) -> None:
        raise AssertionError


class Bench:
    """A router whose operations are the test's: ``events`` appends three, ``wait`` waits for ``gate``."""

    def __init__(self, path: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.store = Store(path / "oad.db")
        self.gateways = Gateways(self.context)
        self.journal = Journal(self.store, self.gateways)
        self.gate = trio.Event()
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.worker: Any = Downstream()
        self.relay: Relay
        socket = bind_router(self.context)
        daemon = bind_private(socket, path / "daemon.sock")
        self.socket = TrioSocket(socket)
        self.router = Router(
            self.socket,
            self.gateways,
            self.journal,
            self._serve,
            epoch="e",
            lasting=lambda op: op == "wait.lasting",
            needs_store=lambda call: call.op.startswith("write"),
            streams={"stream": self._stream},
        )
        self.gateway = Gateway(self.context, path / "gateway.sock", daemon)

    async def _stream(self, call: Call, relay: Relay) -> Answer:
        """The test is the worker: it hears what goes down, and what ``relay`` takes goes up."""
        self.begun.append(call.op)
        self.relay = relay
        relay.lead_to(self.worker)
        relay.open(77, self.worker.send)
        try:
            await self.gate.wait()
        except trio.Cancelled:
            self.cancelled.append(call.op)
            raise
        return Answer(b"over")

    async def _serve(self, call: Call, body: bytes) -> Answer:
        self.begun.append(call.op)
        if call.op == "events":
            for number in range(3):
                self.journal.append(f"event.{number}", {}, Place(), durable=number != 1)
        elif call.op == "missing":
            raise not_found("no such thing")
        elif call.op == "defect":
            raise ZeroDivisionError
        elif call.op.startswith("wait"):
            try:
                await self.gate.wait()
            except trio.Cancelled:
                self.cancelled.append(call.op)
                raise
        return Answer(str(len(self.begun)).encode())


@asynccontextmanager
async def bench(path: Path) -> AsyncGenerator[Bench]:
    bench = Bench(path)
    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bench.journal.run)
                nursery.start_soon(bench.router.run)
                nursery.start_soon(bench.gateway.calls.pump)
                nursery.start_soon(bench.gateway.events.pump)
                yield bench
                nursery.cancel_scope.cancel()
    finally:
        bench.gateway.close()
        bench.socket.close()
        for identity in list(bench.gateways._links):  # pyright: ignore[reportPrivateUsage]
            bench.gateways.drop(identity)
        bench.context.term()
        bench.store.close()


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked(0.02)


async def test_an_answer_names_the_last_event_before_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.greet()
        reply, _ = await b.gateway.ask(Call(1, "events", {}))
        assert reply.after == 3
        assert [(await b.gateway.event()).type for _ in range(3)] == ["event.0", "event.1", "event.2"]
        assert (await b.gateway.ask(Call(2, "events", {})))[0].after == 6


async def test_failures_are_answers(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert (await b.gateway.ask(Call(1, "missing", {})))[0].status == 404
        reply, body = await b.gateway.ask(Call(2, "defect", {}))
        assert reply.status == 500
        assert b"UnknownError" in body
        assert b"ZeroDivision" not in body
        assert (await b.gateway.ask(Call(3, "wait", {}, 0.02)))[0].status == 504
        assert b.cancelled == ["wait"]


async def test_a_call_is_cancelled_even_if_the_cancel_comes_right_behind_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for number in range(1, 20):
            await b.gateway.send(Call(number, "wait", {}), Cancel(number))
        await settle()
        assert (await b.gateway.ask(Call(99, "quick", {})))[0].id == 99
        assert b.router._scopes == {}  # pyright: ignore[reportPrivateUsage]


async def test_lasting_work_goes_on_without_its_caller(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.send(Call(1, "wait.lasting", {}))
        await settle()
        await b.gateway.send(Cancel(1))
        await settle()
        assert b.cancelled == []
        b.gate.set()
        assert isinstance((await b.gateway.hear())[0], Reply)


async def test_what_is_no_call_does_no_harm(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.calls.send_multipart([b"\xc1\xc1", b""])
        await b.gateway.calls.send_multipart([b"one part"])
        await b.gateway.send(Drain(3), Ack(1), Cancel(77), Ping(5))
        assert (await b.gateway.hear())[0] == Pong(5)
        assert (await b.gateway.ask(Call(1, "quick", {})))[0].status == 200


async def test_a_second_hello_starts_a_fresh_link(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert (await b.gateway.greet()).epoch == "e"
        await b.gateway.ask(Call(1, "events", {}))
        welcome = await b.gateway.greet()
        assert welcome.last_seq == 2
        assert b.gateways.count() == 1
        assert (await b.gateway.ask(Call(2, "events", {})))[0].after == 3


async def test_another_version_is_told_ours_and_gets_no_events(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert (await b.gateway.greet(version=PROTOCOL_VERSION + 1)).version == PROTOCOL_VERSION
        assert b.gateways.count() == 0


async def test_nonsense_on_an_event_link_costs_that_link_only(tmp_path: Path) -> None:
    """The socket is closed then: an event that is still published to it would end the journal."""
    async with bench(tmp_path) as b:
        await b.gateway.greet()
        await b.gateway.events.send_multipart(encode_frame(Drain(1)))
        while b.gateways.count():
            await settle()
        reply, _ = await b.gateway.ask(Call(1, "events", {}))
        assert (reply.status, reply.after) == (200, 0)


async def test_an_endpoint_that_is_none_costs_nobody_anything(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.send(Hello(PROTOCOL_VERSION, "gateway", "gateway-0", 1, "nonsense"))
        assert isinstance((await b.gateway.hear())[0], Welcome)
        assert (await b.gateway.ask(Call(1, "quick", {})))[0].status == 200


async def test_an_answer_for_a_gateway_that_is_gone_is_dropped(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.send(Call(1, "wait", {}))
        await settle()
        b.gateway.calls.close()
        await settle()
        b.gate.set()
        await b.journal.settled()


async def test_a_stream_goes_both_ways_until_it_is_answered(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.greet()
        await b.gateway.send(Call(4, "stream", {}))
        await settle()
        b.relay.take(Data(77, cursor=9), b"")
        assert await b.gateway.hear() == (Data(4, cursor=9), b"")
        await b.gateway.send(Data(4), Grant(4, 10), Data(5))
        await settle()
        assert b.worker.heard == [(Data(77), b""), (Grant(77, 10), b"")]
        b.gate.set()
        frame, body = await b.gateway.hear()
        assert (isinstance(frame, Reply), body) == (True, b"over")
        await b.gateway.send(Data(4))
        await settle()
        assert len(b.worker.heard) == 2


async def test_a_stream_ends_when_its_client_leaves(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.greet()
        await b.gateway.send(Call(4, "stream", {}))
        await settle()
        await b.gateway.send(Cancel(4))
        await settle()
        assert b.cancelled == ["stream"]


async def test_streams_of_a_gateway_that_was_killed_end_with_its_successor(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.gateway.greet()
        await b.gateway.send(Call(4, "stream", {}))
        await settle()
        successor = Gateway(b.context, tmp_path / "successor.sock", f"ipc://{tmp_path}/daemon.sock")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(successor.calls.pump)
            await successor.greet()
            await settle()
            assert b.cancelled == ["stream"]
            nursery.cancel_scope.cancel()
        successor.close()
