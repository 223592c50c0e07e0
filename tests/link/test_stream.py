"""The stream within a call: credit in both directions, and its end."""

import pytest
import trio
import trio.testing

from oad.contract.wire import STREAM_PIECE, STREAM_WINDOW, Data, Frame, Grant, ProtocolError, cost_of
from oad.link import StreamEnd

PIECE = b"x" * STREAM_PIECE


class Link:
    """Two ends, each of which sends to the other; ``frames`` is all that has passed."""

    def __init__(self) -> None:
        self.near, self.far = StreamEnd(), StreamEnd()
        self.frames: list[Frame] = []
        self.near.open(7, self._to(self.far))
        self.far.open(7, self._to(self.near))

    def _to(self, end: StreamEnd):  # type: ignore[no-untyped-def]
        async def send(frame: Frame, body: bytes) -> None:
            assert isinstance(frame, Data | Grant)
            self.frames.append(frame)
            end.take(frame, body)

        return send


async def test_what_is_sent_arrives_in_order() -> None:
    link = Link()
    await link.near.send(b"one")
    await link.near.send(b"", cursor=3)
    assert [await link.far.receive(), await link.far.receive()] == [(-1, b"one"), (3, b"")]


async def test_a_sender_waits_for_the_reader() -> None:
    link, sent = Link(), list[int]()

    async def send() -> None:
        for number in range(20):
            await link.near.send(PIECE)
            sent.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        assert len(sent) * STREAM_PIECE <= STREAM_WINDOW
        for _ in range(20):
            piece = await link.far.receive()
            assert piece is not None
            await link.far.consumed(piece[1])
    assert len(sent) == 20


async def test_small_pieces_are_bounded_too() -> None:
    link, sent = Link(), list[int]()

    async def send() -> None:
        while True:
            await link.near.send(b"x")
            sent.append(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        assert len(sent) < 600
        nursery.cancel_scope.cancel()


async def test_grants_come_in_bulk() -> None:
    link = Link()
    for _ in range(50):
        await link.near.send(b"x" * 1000)
        await link.far.receive()
        await link.far.consumed(b"x" * 1000)
    grants = [frame for frame in link.frames if isinstance(frame, Grant)]
    assert len(grants) == 50 * cost_of(b"x" * 1000) // (STREAM_WINDOW // 4)


async def test_the_end_releases_whoever_waits() -> None:
    link = Link()

    async def fill() -> None:
        while await link.near.writable():
            await link.near.send(PIECE)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fill)
        await trio.testing.wait_all_tasks_blocked()
        link.near.close()
    await link.near.send(b"lost")
    assert await link.near.receive() is None


async def test_what_came_before_the_end_is_received() -> None:
    link = Link()
    await link.near.send(b"last")
    link.far.close()
    assert [await link.far.receive(), await link.far.receive()] == [(-1, b"last"), None]


def test_more_than_was_granted_breaks_the_protocol() -> None:
    end = StreamEnd()
    with pytest.raises(ProtocolError):
        end.take(Data(1), PIECE + b"x")
    with pytest.raises(ProtocolError):
        for _ in range(10):
            end.take(Data(1), PIECE)
