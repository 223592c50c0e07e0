"""A viewer: replay, then what comes, at its own pace."""

from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from oad.contract.redact import Redactor
from oad.contract.terminal import PtySize
from oad.contract.wire import STREAM_WINDOW, Data, Frame, Grant
from oad.link import StreamEnd
from oad.workers.pty.output import Output
from oad.workers.pty.pair import Pair
from oad.workers.pty.scrollback import MAX_BYTES
from oad.workers.pty.viewer import HEARTBEAT_S, Viewer


class Client:
    """``frames``: texts, and cursors as numbers. Grants are given when the test says so."""

    def __init__(self) -> None:
        self.frames: list[str | int] = []
        self.stream = StreamEnd()
        self.stream.open(1, self._take)

    async def _take(self, frame: Frame, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if isinstance(frame, Data):
            self.frames.append(frame.cursor if frame.cursor >= 0 else body.decode())

    @property
    def text(self) -> str:
        return "".join(frame for frame in self.frames if isinstance(frame, str))

    def grant(self, size: int) -> None:
        self.stream.take(Grant(1, size), b"")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair(PtySize(rows=24, cols=80))
    yield pair
    pair.close()


async def look(output: Output, pair: Pair, cursor: int) -> list[str | int]:
    """Everything that a viewer is shown of a terminal that has ended."""
    client = Client()
    await Viewer(output, pair, client.stream, cursor).run()
    return client.frames


@pytest.mark.parametrize(
    ("cursor", "frames"),
    [
        (0, ["output", 6]),
        (2, ["tput", 6]),
        (6, [6]),
        (-1, [6]),
        (7, [6]),
        (-5, ["output", 6]),
    ],
)
async def test_replay_from_a_cursor(cursor: int, frames: list[str | int], pair: Pair) -> None:
    output = Output(Redactor())
    output.say("output")
    output.end()
    assert await look(output, pair, cursor) == frames


async def test_replay_is_in_pieces(pair: Pair) -> None:
    output = Output(Redactor())
    output.say("x" * 200_000)
    output.end()
    frames = await look(output, pair, 0)
    assert [len(frame) for frame in frames if isinstance(frame, str)] == [65_536, 65_536, 65_536, 3392]
    assert frames[-1] == 200_000


async def test_news_come_at_once_and_then_together(pair: Pair, autojump_clock: trio.testing.MockClock) -> None:
    output, client = Output(Redactor()), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Viewer(output, pair, client.stream, 0).run)
        await trio.testing.wait_all_tasks_blocked()
        output.say("a")
        await trio.testing.wait_all_tasks_blocked()
        assert client.frames == [0, "a"]
        for character in "bcd":
            output.say(character)
        await trio.sleep(0.1)
        assert client.frames == [0, "a", "bcd"]
        output.end()


async def test_a_silent_terminal_is_heard_of(pair: Pair, autojump_clock: trio.testing.MockClock) -> None:
    output, client = Output(Redactor()), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Viewer(output, pair, client.stream, 0).run)
        await trio.sleep(HEARTBEAT_S * 2.5)
        assert client.frames == [0, 0, 0]
        output.end()


async def test_a_viewer_that_takes_nothing_skips_what_is_too_old(
    pair: Pair, autojump_clock: trio.testing.MockClock
) -> None:
    output, client = Output(Redactor()), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Viewer(output, pair, client.stream, 0).run)
        for _ in range(100):
            output.say("x" * 64 * 1024)
            await trio.sleep(0.01)
        assert len(client.text) < STREAM_WINDOW + 1, "it has no credit for more"
        output.say("the end")
        output.end()
        before = len(client.frames)
        client.grant(2 * MAX_BYTES)
    total = 100 * 64 * 1024 + len("the end")
    assert client.frames[before] == output.scrollback.start == total - MAX_BYTES
    assert client.text.endswith("the end")


async def test_what_the_client_types_is_typed(pair: Pair) -> None:
    output, client = Output(Redactor()), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Viewer(output, pair, client.stream, 0).run)
        client.stream.take(Data(1), b"ls\n")
        assert await pair.read() == b"ls\r\n"
        output.end()


async def test_the_end_of_the_call_ends_it(pair: Pair) -> None:
    output, client = Output(Redactor()), Client()
    output.say("x" * 2 * STREAM_WINDOW)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Viewer(output, pair, client.stream, 0).run)
        await trio.testing.wait_all_tasks_blocked()
        client.stream.close()
