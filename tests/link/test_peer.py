from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import zmq

from oad.contract.wire import Call, Drain, Event, Frame, Ping, Pong, ProtocolError
from oad.link import Answer, LinkLost, Peer, TrioSocket, bind_private


class End:
    """One end; ``gate`` holds its handler back."""

    def __init__(self, socket: TrioSocket) -> None:
        self.frames: list[Frame] = []
        self.served: list[str] = []
        self.cancelled: list[str] = []
        self.gate = trio.Event()
        self.arrived = trio.Event()
        self.peer = Peer(socket, handler=self._serve, on_frame=self._take)

    async def _serve(self, call: Call, body: bytes) -> Answer:
        self.served.append(call.op)
        self.arrived.set()
        try:
            if call.op.startswith("wait"):
                await self.gate.wait()
        except trio.Cancelled:
            self.cancelled.append(call.op)
            raise
        return Answer(body + b"!", 201, {"x": call.params.get("x", "")})

    async def _take(self, frame: Frame, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.frames.append(frame)


class Pair:
    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", path: Path) -> None:
        bound, connected = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
        bound.linger = connected.linger = 0
        connected.connect(bind_private(bound, path))
        self.raw = connected
        self.left, self.right = End(TrioSocket(bound)), End(TrioSocket(connected))


@asynccontextmanager
async def linked(tmp_path: Path) -> AsyncGenerator[Pair]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    pair = Pair(context, tmp_path / "link.sock")
    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pair.left.peer.run)
                nursery.start_soon(pair.right.peer.run)
                yield pair
                nursery.cancel_scope.cancel()
    finally:
        pair.left.peer.close()
        pair.right.peer.close()
        context.term()


async def test_both_ends_call_each_other(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair:
        reply, body = await pair.left.peer.call("op", {"x": "1"}, b"hi")
        assert (reply.status, reply.headers, body) == (201, {"x": "1"}, b"hi!")
        assert (await pair.right.peer.call("back", {}, b"ho"))[1] == b"ho!"
        assert (pair.right.served, pair.left.served) == (["op"], ["back"])


async def test_calls_run_side_by_side(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.left.peer.call, "wait", {})
        await pair.right.arrived.wait()
        assert (await pair.left.peer.call("quick", {}))[0].status == 201
        pair.right.gate.set()


async def test_calls_begin_in_the_order_in_which_they_were_sent(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair:
        wanted = [f"wait{number}" for number in range(50)]
        for number, op in enumerate(wanted, 1):
            await pair.left.peer.send(Call(number, op, {}))
        while len(pair.right.served) < len(wanted):
            await trio.lowlevel.checkpoint()
        assert pair.right.served == wanted


async def test_frames_arrive_in_order_and_before_a_later_call(tmp_path: Path) -> None:
    sent = [Event(str(number), "ses_a", True) for number in range(300)]
    async with linked(tmp_path) as pair:
        for frame in sent:
            await pair.left.peer.send(frame, b"{}")
        await pair.left.peer.call("op", {})
        assert pair.right.frames == sent


async def test_a_caller_that_leaves_cancels_the_handler(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pair.left.peer.call, "wait", {})
            await pair.right.arrived.wait()
            nursery.cancel_scope.cancel()
        while not pair.right.cancelled:
            await trio.testing.wait_all_tasks_blocked(0.001)
        assert (await pair.left.peer.call("next", {}))[0].status == 201


async def test_a_deadline_ends_the_call(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair:
        with pytest.raises(trio.TooSlowError):
            await pair.left.peer.call("wait", {}, deadline_s=0.02)


async def test_closing_fails_what_waits_and_what_comes_later(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair:
        failures: list[str] = []

        async def call() -> None:
            try:
                await pair.left.peer.call("wait", {})
            except LinkLost:
                failures.append("waiting")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await pair.right.arrived.wait()
            pair.left.peer.close()
        with pytest.raises(LinkLost):
            await pair.left.peer.call("later", {})
        with pytest.raises(trio.ClosedResourceError):
            await pair.left.peer.send(Drain(1))
        assert failures == ["waiting"]


async def test_closing_while_a_handler_runs_ends_the_link_in_silence(tmp_path: Path) -> None:
    """The handler's answer then has no link to go over; that must not become a crash of the link's owner."""
    async with linked(tmp_path) as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.left.peer.call, "wait", {})
        await pair.right.arrived.wait()
        pair.right.gate.set()
        pair.right.peer.close()
        nursery.cancel_scope.cancel()


async def test_what_is_no_frame_ends_the_link(tmp_path: Path) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    pair = Pair(context, tmp_path / "link.sock")
    try:
        pair.raw.send_multipart([b"\xc1", b""])
        with pytest.RaisesGroup(ProtocolError):
            with trio.fail_after(5):
                await pair.left.peer.run()
    finally:
        pair.left.peer.close()
        pair.right.peer.close()
        context.term()


async def test_a_sign_of_life_is_given_without_anybody_s_doing(tmp_path: Path) -> None:
    async with linked(tmp_path) as pair:
        await pair.left.peer.send(Ping(7))
        await until(lambda: bool(pair.left.frames))
        assert pair.left.frames == [Pong(7)]
        assert pair.right.frames == []


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  what is waited for is the other end's doing
        await trio.sleep(0.001)
