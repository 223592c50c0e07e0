"""Our end of one running command: its pipes, and what comes out of them."""

import contextlib
import fcntl
import math
import os
from collections.abc import Iterator
from typing import Final

import trio

from oad.contract.broker import decode_status
from oad.contract.ids import now_ms
from oad.contract.worker import CallEnd, Started

from .exec import Chunk, Command

CHUNK_BYTES: Final = 64 * 1024
DRAIN_S: Final = 0.05  # for what is still in a pipe when its writers have ended


async def read_some(fd: int) -> bytes:
    """Empty at the end of the stream. ``fd`` is non-blocking. A cancellation loses nothing."""
    await trio.lowlevel.checkpoint_if_cancelled()
    while True:
        try:
            data = os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            await trio.lowlevel.wait_readable(fd)
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return data


class Call:
    """Pipes of one command. ``theirs`` goes to the broker and is closed here afterwards, by ``release``. With
    ``spoken_with`` the input stays open, and the error stream is apart. With a terminal there is nothing but that."""

    def __init__(self, id: int, command: Command, *, spoken_with: bool = False) -> None:
        self.id = id
        self._open: set[int] = set()
        self.theirs: list[int] = []
        self.stdin: int | None = None
        self.stdout: int | None = None
        self.stderr: int | None = None
        self._terminal = command.terminal
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            if command.terminal is not None:
                self.theirs += [command.terminal.descriptor] * 3
            else:
                self._open_pipes(command, spoken_with=spoken_with)
            self._status, status = self._drain_pipe()
            self.theirs.append(status)
            undo.pop_all()
        self._line = b""
        self._told = False
        self.started_ms = now_ms()

    def _open_pipes(self, command: Command, *, spoken_with: bool) -> None:
        self.stdin = self._feed_pipe(wanted=spoken_with or bool(command.stdin))
        self.stdout, stdout = self._drain_pipe()
        if command.merge_stderr and not spoken_with:
            stderr = stdout
        else:
            self.stderr, stderr = self._drain_pipe()
        self.theirs += [stdout, stderr]

    def _feed_pipe(self, *, wanted: bool) -> int | None:
        if not wanted:
            self.theirs.append(self._own(os.open(os.devnull, os.O_RDONLY)))
            return None
        reader, writer = os.pipe()
        os.set_blocking(self._own(writer), False)
        self.theirs.append(self._own(reader))
        return writer

    def _drain_pipe(self) -> tuple[int, int]:
        reader, writer = os.pipe()
        os.set_blocking(self._own(reader), False)
        return reader, self._own(writer)

    def _own(self, fd: int) -> int:
        self._open.add(fd)
        return fd

    def release(self) -> None:
        for fd in set(self.theirs):
            self.close_one(fd)

    def disown(self, fd: int) -> None:
        """The caller closes it."""
        self._open.discard(fd)

    def close_one(self, fd: int) -> None:
        if fd in self._open:
            self._open.discard(fd)
            trio.lowlevel.notify_closing(fd)
            os.close(fd)

    def close(self) -> None:
        for fd in tuple(self._open):
            self.close_one(fd)

    async def ended(self) -> CallEnd | None:
        """Waits for the end of the direct child. None when the holder was killed. May be called again."""
        while not self._told:
            data = await read_some(self._status)
            self._line += data
            self._note_start()
            self._told = not data or b"\n" in self._line
        status = decode_status(self._line)
        assert not isinstance(status, Started)
        return status

    def _note_start(self) -> None:
        """The first line of a call with a terminal says that its program runs."""
        if self._terminal is not None and isinstance(decode_status(self._line), Started):
            self._line = self._line.partition(b"\n")[2]
            self._terminal.started()

    async def gone(self) -> None:
        """Waits until nothing of the call exists any more: the holder has ended, after everything below it."""
        while await read_some(self._status):
            pass

    async def feed(self, data: bytes) -> None:
        """Writes and closes the command's input; a command that does not want it all is not an error."""
        if self.stdin is None:
            return
        view = memoryview(data)
        with contextlib.suppress(BrokenPipeError):
            while view:
                await trio.lowlevel.wait_writable(self.stdin)
                view = view[os.write(self.stdin, view) :]
        self.close_one(self.stdin)


class OutputPump:
    """Hands on what a command writes, until the end of the stream, or for as long as it is allowed to."""

    def __init__(self, fd: int, on_chunk: Chunk) -> None:
        self.fd = fd
        self.at_end = False
        self._on_chunk = on_chunk
        self._deadline = math.inf
        self._reading: trio.CancelScope | None = None

    def finish_by(self, deadline: float) -> None:
        """Stops reading at that time; what is in the pipe by then is still handed on."""
        self._deadline = deadline
        if self._reading is not None:
            self._reading.deadline = deadline

    async def run(self) -> None:
        # Only the reading is limited, never the callback: what has been read arrives.
        while data := await self._read():
            await self._on_chunk(data)
        if not self.at_end:
            for data in self._left_in_pipe():
                await self._on_chunk(data)

    async def _read(self) -> bytes:
        data = b""
        with trio.CancelScope(deadline=self._deadline) as self._reading:
            data = await read_some(self.fd)
            self.at_end = not data
        self._reading = None
        return data

    def _left_in_pipe(self) -> Iterator[bytes]:
        """At most one pipe full, for the writer may be quicker than we are."""
        budget = fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ)
        with contextlib.suppress(BlockingIOError):
            while budget > 0 and not self.at_end:
                data = os.read(self.fd, min(budget, CHUNK_BYTES))
                self.at_end = not data
                budget -= len(data)
                if data:
                    yield data


async def discard(fd: int) -> None:
    """Reads on for a command that left somebody writing: closing the pipe would kill it at its next line."""
    try:
        with contextlib.suppress(OSError):
            while await read_some(fd):
                pass
    finally:
        os.close(fd)
