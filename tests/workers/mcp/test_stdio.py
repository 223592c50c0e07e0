"""The messages of a program's standard streams: what comes, what goes, and what is none."""

import anyio
import mcp_types as types
import pytest
import trio
from mcp.shared.message import SessionMessage
from trio.testing import MockClock

from oad.workers.exec import ExecFailed, Outcome, ProgramEnded
from oad.workers.mcp import stdio
from oad.workers.mcp.stdio import BURST, MESSAGES_PER_S, Conversation, why_ended

NOTE = b'{"jsonrpc":"2.0","method":"notifications/x"}'


class Scripted:
    """Implements Running: reads come from a list, writes are noted."""

    def __init__(self, *chunks: bytes, end: Outcome | ExecFailed = Outcome(0), complaints: str = "") -> None:  # noqa: B008
        self.chunks = list(chunks)
        self.written = bytearray()
        self.broken = False
        self._end = end
        self._complaints = complaints

    async def read(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return self.chunks.pop(0) if self.chunks else b""

    async def write(self, data: bytes) -> None:
        if self.broken:
            raise ProgramEnded("the program ended with exit code 1")
        self.written += data

    def close_input(self) -> None: ...

    def complaints(self) -> str:
        return self._complaints

    async def wait(self) -> Outcome:
        if isinstance(self._end, ExecFailed):
            raise self._end
        return self._end

    async def end(self, grace_s: float = 0.2) -> None: ...


async def listen(program: Scripted) -> tuple[list[str], list[str]]:
    """The methods that arrived, and why it ended."""
    into, read = anyio.create_memory_object_stream[SessionMessage | Exception](10_000)
    _, out = anyio.create_memory_object_stream[SessionMessage](0)
    lost: list[str] = []
    await Conversation(program, into, out, lost.append).listen()
    methods: list[str] = []
    async with read, out, _:
        async for message in read:
            assert isinstance(message, SessionMessage)
            assert isinstance(message.message, types.JSONRPCNotification)
            methods.append(message.message.method)
    return methods, lost


async def test_messages_arrive_however_they_are_cut() -> None:
    data = NOTE + b"\n" + NOTE + b"\r\n"
    for cut in (1, 7, len(NOTE), len(NOTE) + 1):
        pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
        assert await listen(Scripted(*pieces)) == (["notifications/x"] * 2, ["it ended with exit code 0"])


async def test_what_is_no_message_is_skipped_and_too_much_of_it_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    methods, lost = await listen(Scripted(b"Welcome!\n{broken\n" + NOTE + b"\n"))
    assert (methods, lost) == (["notifications/x"], ["it ended with exit code 0"])
    monkeypatch.setattr(stdio, "MAX_NOISE_BYTES", 100)
    _, lost = await listen(Scripted(*[b"lorem ipsum\n"] * 20))
    assert lost == ["it writes to its standard output what is no MCP message"]


async def test_a_message_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio, "MAX_MESSAGE_BYTES", 1000)
    _, lost = await listen(Scripted(b"{", *[b" " * 100] * 20))
    assert lost == ["it sent a message of more than 1000 bytes"]


@pytest.mark.parametrize(
    ("end", "complaints", "text"),
    [
        (Outcome(3), "no settings\n", "it ended with exit code 3: no settings"),
        (Outcome(-9), "", "it ended with signal 9"),
        (Outcome(None), "", "it was killed"),
        (ExecFailed("cannot start x"), "", "cannot start x"),
    ],
)
async def test_why_it_ended(end: Outcome | ExecFailed, complaints: str, text: str) -> None:
    assert await why_ended(Scripted(end=end, complaints=complaints)) == text


async def test_a_writer_to_a_dead_program_ends_the_session() -> None:
    program, lost = Scripted(), list[str]()
    program.broken = True
    into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, out = anyio.create_memory_object_stream[SessionMessage](1)
    async with read, write:
        await write.send(SessionMessage(types.JSONRPCNotification(jsonrpc="2.0", method="notifications/x")))
        await Conversation(program, into, out, lost.append).talk()
        with pytest.raises(anyio.EndOfStream):
            await read.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await write.send(SessionMessage(types.JSONRPCNotification(jsonrpc="2.0", method="notifications/x")))
    assert lost == ["the program ended with exit code 1"]


async def test_a_flood_is_slowed_down_and_nothing_of_it_lost(autojump_clock: MockClock) -> None:
    many = BURST + 3 * MESSAGES_PER_S
    began = trio.current_time()
    methods, _ = await listen(Scripted((NOTE + b"\n") * many))
    assert len(methods) == many
    assert 2.9 < trio.current_time() - began < 3.5
