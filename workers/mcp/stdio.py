"""MCP over the standard streams of a program: one JSON message a line. Imports the SDK: see ``sdk``."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Final

import anyio
import mcp_types as types
import trio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from oad.contract.limit_text import describe

from ..exec import Command, Exec, ExecFailed, ProgramEnded, Running

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
MAX_NOISE_BYTES: Final = 1024 * 1024  # of lines that are no messages, such as greetings and logs
MESSAGES_PER_S: Final = 500
BURST: Final = 2000
GRACE_S: Final = 1.0
_END_S: Final = 1.0  # between the end of its output and its own
_SHOWN: Final = 500  # characters of what it complained of

Lost = Callable[[str], None]


@contextlib.asynccontextmanager
async def speak(exec: Exec, command: Command, lost: Lost) -> AsyncGenerator[TransportStreams]:
    """A started server's streams; ``lost`` is told why they have ended. Raises ExecFailed."""
    async with exec.open(command, grace_s=GRACE_S) as program:
        into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, out = anyio.create_memory_object_stream[SessionMessage](0)
        conversation = Conversation(program, into, out, lost)
        async with into, read, write, out, trio.open_nursery() as tasks:
            tasks.start_soon(conversation.listen)
            tasks.start_soon(conversation.talk)
            try:
                yield read, write
            finally:
                tasks.cancel_scope.cancel()


class Pace:
    """A server that floods is made to wait, not the others whom this process serves."""

    def __init__(self) -> None:
        self._saved = float(BURST)
        self._at = trio.current_time()

    async def take(self) -> None:
        now = trio.current_time()
        self._saved = min(BURST, self._saved + (now - self._at) * MESSAGES_PER_S) - 1
        self._at = now
        if self._saved < 0:
            await trio.sleep(-self._saved / MESSAGES_PER_S)


class Conversation:
    def __init__(
        self,
        program: Running,
        into: MemoryObjectSendStream[SessionMessage | Exception],
        out: MemoryObjectReceiveStream[SessionMessage],
        lost: Lost,
    ) -> None:
        self._program = program
        self._into = into
        self._out = out
        self._lost = lost
        self._line = bytearray()
        self._pace = Pace()
        self._noise = 0

    async def listen(self) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # the session is gone
            async with self._into:
                self._lost(await self._listen())  # before the stream ends, and with it what waits for an answer

    async def _listen(self) -> str:
        while data := await self._program.read():
            *lines, rest = data.split(b"\n")
            for line in lines:
                await self._take(bytes(self._line) + line)
                self._line.clear()
            self._line += rest
            if len(self._line) > MAX_MESSAGE_BYTES:
                return f"it sent a message of more than {MAX_MESSAGE_BYTES} bytes"
            if self._noise > MAX_NOISE_BYTES:
                return "it writes to its standard output what is no MCP message"
        return await why_ended(self._program)

    async def _take(self, line: bytes) -> None:
        if line.lstrip()[:1] not in (b"{", b"["):
            self._noise += len(line) + 1
            return
        try:
            message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._noise += len(line) + 1
            return
        await self._pace.take()
        await self._into.send(SessionMessage(message))

    async def talk(self) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async with self._out:
                async for message in self._out:
                    line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    try:
                        await self._program.write(line.encode() + b"\n")
                    except ProgramEnded as error:
                        self._lost(str(error))
                        await self._into.aclose()  # else a request would wait for ever
                        return


async def why_ended(program: Running) -> str:
    """Why a server's output has ended."""
    text = "it closed its standard output"
    with trio.move_on_after(_END_S):
        try:
            outcome = await program.wait()
        except ExecFailed as error:
            return str(error)
        if outcome.limit is not None:
            text = f"it was ended: {describe(outcome.limit)}"
        elif outcome.exit is None:
            text = "it was killed"
        else:
            text = f"it ended with {'exit code' if outcome.exit >= 0 else 'signal'} {abs(outcome.exit)}"
    said = program.complaints().strip()
    return text + (f": {said[-_SHOWN:]}" if said else "")
