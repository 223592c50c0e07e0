from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from oad.contract.wire import STREAM_PIECE, Call, Cancel, Data, Frame, Reply
from oad.link import Calls, LinkLost, StreamEnd


class Peer:
    def __init__(self) -> None:
        self.sent: list[tuple[Frame, bytes]] = []

    async def send(self, frame: Frame, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append((frame, body))


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    yield Peer()


async def test_replies_reach_their_callers_in_any_order(peer: Peer) -> None:
    calls = Calls(peer.send)
    answers: dict[str, bytes] = {}

    async def ask(op: str) -> None:
        answers[op] = (await calls.call(op, {"a": "b"}, b"body"))[1]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "one")
        nursery.start_soon(ask, "two")
        await trio.testing.wait_all_tasks_blocked()
        for frame, body in reversed(peer.sent):
            assert isinstance(frame, Call)
            assert (frame.params, body) == ({"a": "b"}, b"body")
            calls.resolve(Reply(frame.id, 200), frame.op.encode())
    assert answers == {"one": b"one", "two": b"two"}
    assert len(calls) == 0


async def test_deadline_withdraws_the_call(peer: Peer, autojump_clock: trio.testing.MockClock) -> None:
    calls = Calls(peer.send)
    with pytest.raises(trio.TooSlowError):
        await calls.call("slow", {}, deadline_s=5)
    assert trio.current_time() == pytest.approx(5)
    assert [type(frame) for frame, _ in peer.sent] == [Call, Cancel]
    calls.resolve(Reply(1, 200), b"late")  # nobody minds
    assert len(calls) == 0


async def test_cancelled_caller_withdraws_the_call(peer: Peer) -> None:
    calls = Calls(peer.send)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(calls.call, "op", {})
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert peer.sent[1][0] == Cancel(1)


async def test_lost_link_fails_waiting_and_later_calls(peer: Peer) -> None:
    calls = Calls(peer.send)

    async def ask() -> None:
        with pytest.raises(LinkLost):
            await calls.call("op", {})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        calls.fail_all()
    await ask()
    assert len(peer.sent) == 1


async def test_a_stream_lives_as_long_as_its_call(peer: Peer) -> None:
    calls, stream = Calls(peer.send), StreamEnd()

    async def ask() -> None:
        await calls.call("op", {}, stream=stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        assert calls.stream(Data(1), b"piece")
        assert await stream.receive() == (-1, b"piece")
        await stream.send(b"typed")
        assert peer.sent[-1] == (Data(1), b"typed")
        calls.resolve(Reply(1, 200), b"")
    assert await stream.receive() is None
    assert not calls.stream(Data(1), b"late")


async def test_a_stream_that_is_flooded_costs_its_call(peer: Peer) -> None:
    calls, stream = Calls(peer.send), StreamEnd()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_lose, calls, stream)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(10):
            calls.stream(Data(1), b"x" * STREAM_PIECE)


async def _lose(calls: Calls, stream: StreamEnd) -> None:
    with pytest.raises(LinkLost):
        await calls.call("op", {}, stream=stream)
