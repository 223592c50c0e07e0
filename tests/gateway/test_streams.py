import pytest
import trio
import trio.testing

from oad.contract.replay import ReplayPage
from oad.gateway.fanout import Selection
from oad.gateway.happening import Happening
from oad.gateway.streams import FLUSH_S, HEARTBEAT_S, Streams


class Client:
    """Takes what is written; ``stalled`` makes it stop reading."""

    def __init__(self) -> None:
        self.writes: list[tuple[float, bytes]] = []
        self.stalled = False

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.stalled:
            await trio.sleep_forever()
        self.writes.append((trio.current_time(), data))


async def nothing(after: int, directory: str | None, mark: str) -> ReplayPage:
    return ReplayPage([], after)


def event(seq: int = 0) -> Happening:
    return Happening(b'{"type":"todo.updated"}', type="todo.updated", seq=seq, directory="/p")


async def open_stream(streams: Streams, client: Client, nursery: trio.Nursery) -> None:
    nursery.start_soon(streams.serve, Selection("/p"), None, client.write)
    await trio.testing.wait_all_tasks_blocked()


async def test_heartbeat_every_ten_seconds(autojump_clock: trio.testing.MockClock) -> None:
    streams, client = Streams(nothing), Client()
    async with trio.open_nursery() as nursery:
        await open_stream(streams, client, nursery)
        await trio.sleep(HEARTBEAT_S * 2.5)
        nursery.cancel_scope.cancel()
    assert [time for time, _ in client.writes] == pytest.approx([0, 10, 20])
    assert client.writes[0][1].startswith(b"retry: 500\ndata: ")
    assert b"server.heartbeat" in client.writes[1][1]
    assert len(streams) == 0


async def test_quiet_streams_write_at_once_and_busy_ones_in_pieces(autojump_clock: trio.testing.MockClock) -> None:
    streams, client = Streams(nothing), Client()
    async with trio.open_nursery() as nursery:
        await open_stream(streams, client, nursery)
        await trio.sleep(1)
        for _ in range(100):
            streams.fanout.publish(event())
            await trio.sleep(0.0001)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    written = client.writes[1:]
    assert written[0][0] == pytest.approx(1)
    assert sum(data.count(b"todo.updated") for _, data in written) == 100
    assert len(written) <= 5


async def test_flush_makes_a_stream_write_now(autojump_clock: trio.testing.MockClock) -> None:
    streams, client = Streams(nothing), Client()
    async with trio.open_nursery() as nursery:
        await open_stream(streams, client, nursery)
        streams.fanout.publish(event())
        await trio.testing.wait_all_tasks_blocked()
        streams.fanout.publish(event())  # held back for a moment
        start = trio.current_time()
        await streams.flushed(streams.fanout.position)
        assert trio.current_time() == start
        assert sum(data.count(b"todo.updated") for _, data in client.writes) == 2
        nursery.cancel_scope.cancel()


async def test_stalled_reader_holds_an_answer_up_once(autojump_clock: trio.testing.MockClock) -> None:
    streams, client, good = Streams(nothing), Client(), Client()
    async with trio.open_nursery() as nursery:
        await open_stream(streams, client, nursery)
        await open_stream(streams, good, nursery)
        client.stalled = True
        streams.fanout.publish(event(1))
        start = trio.current_time()
        await streams.flushed(streams.fanout.position)
        assert trio.current_time() - start == pytest.approx(FLUSH_S)
        streams.fanout.publish(event(2))
        await streams.flushed(streams.fanout.position)
        assert trio.current_time() - start == pytest.approx(FLUSH_S)
        assert len(good.writes) == 3
        nursery.cancel_scope.cancel()


async def test_flush_does_not_wait_for_a_stream_that_ends(autojump_clock: trio.testing.MockClock) -> None:
    streams, client = Streams(nothing), Client()
    async with trio.open_nursery() as nursery:
        await open_stream(streams, client, nursery)
        client.stalled = True
        streams.fanout.publish(event())
        async with trio.open_nursery() as flushing:
            start = trio.current_time()
            flushing.start_soon(streams.flushed, 1)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
    assert trio.current_time() == start


async def test_reader_that_falls_behind_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    streams, client = Streams(nothing), Client()
    outcome: list[bool] = []

    async def serve() -> None:
        outcome.append(await streams.serve(Selection("/p"), None, client.write))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await trio.testing.wait_all_tasks_blocked()
        for seq in range(1, 1030):
            streams.fanout.publish(event(seq))
    assert outcome == [False]
