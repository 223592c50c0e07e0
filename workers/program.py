"""A program that is spoken with over its standard streams, from its start until nothing of it is left."""

import contextlib
import os
import re
from typing import Final, Protocol

import trio

from oad.contract.limit_text import describe
from oad.contract.redact import KNOWN, StreamRedactor
from oad.contract.worker import CallEnd, Destroyed, Exited, Failed

from .allowance import FlowMeter
from .call import DRAIN_S, Call, read_some
from .exec import ExecFailed, Outcome, ProgramEnded

COMPLAINTS_BYTES: Final = 16 * 1024  # kept of the error stream
_NOT_EXECUTED: Final = re.compile(r"^bwrap: execvp (.+): (.+)$", re.MULTILINE)
_SHOWN: Final = 500  # characters of it in an error
_SURVIVOR_S: Final = 1.0  # what could not be destroyed is not waited for
_EXPLAIN_S: Final = 1.0  # between a broken pipe and the news of the end


class Ender(Protocol):
    """Who can end calls: the broker's client."""

    async def terminate(self, call: Call) -> None: ...

    async def destroy(self, call: Call) -> Destroyed: ...


class Program:
    """Implements Running. ``attend`` must be running; ``leave`` waits for its end."""

    def __init__(self, call: Call, meter: FlowMeter, ender: Ender) -> None:
        self._call = call
        self._meter = meter
        self._ender = ender
        self._complaints = b""
        self._outcome: Outcome | ExecFailed = Outcome(None)
        self._over = trio.Event()  # nothing of it is left
        self._left = False  # the descriptors may be closed
        self._attending = trio.CancelScope()
        self._reading, self._writing, self._ending = trio.Lock(), trio.Lock(), trio.Lock()

    # --- what the other side does ---------------------------------------------------------------------------------

    async def attend(self) -> None:
        """Follows the program to its end, clears away what it leaves, and keeps the newest of its complaints."""
        try:
            with self._attending:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._listen)
                    status = await self._call.ended()
                    await self._clear_away(status)
                    self._outcome = self._judge(status)
                    nursery.cancel_scope.deadline = trio.current_time() + DRAIN_S
        finally:
            self._over.set()

    async def _listen(self) -> None:
        assert self._call.stderr is not None
        stream = StreamRedactor(KNOWN)
        try:
            while data := await read_some(self._call.stderr):
                self._complaints = (self._complaints + stream.feed(data))[-COMPLAINTS_BYTES:]
        finally:
            self._complaints += stream.finish()

    async def _clear_away(self, status: CallEnd | None) -> None:
        """What the program has left running would hold its streams open, and nobody would speak with it."""
        if not isinstance(status, Exited) or not status.left:
            return
        with trio.move_on_after(DRAIN_S):  # members of a pipeline end one after the other
            await self._call.gone()
            return
        with contextlib.suppress(ExecFailed):
            await self._ender.destroy(self._call)

    def _judge(self, status: CallEnd | None) -> Outcome | ExecFailed:
        match status:
            case Failed(_, text):
                return ExecFailed(text)
            case Exited(code):
                self._meter.ended(code)
                return Outcome(code, limit=self._meter.hit)
            case None:
                return Outcome(None, limit=self._meter.hit)

    # --- what its user does ---------------------------------------------------------------------------------------

    async def read(self) -> bytes:
        async with self._reading:
            output = self._call.stdout
            data = b"" if self._left or output is None else await read_some(output)
        self._meter.count(len(data))
        if not self._meter.over.is_set():
            return data
        await self._meter.tell()
        await self.end(0.0)
        return b""

    async def write(self, data: bytes) -> None:
        async with self._writing:
            try:
                await self._write(memoryview(data))
            except (BrokenPipeError, trio.ClosedResourceError):
                with trio.move_on_after(_EXPLAIN_S):
                    await self._over.wait()
                raise ProgramEnded(self.explain()) from None

    async def _write(self, view: memoryview) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        while view:
            if self._left or self._call.stdin is None:
                raise trio.ClosedResourceError
            try:
                view = view[os.write(self._call.stdin, view) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._call.stdin)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def close_input(self) -> None:
        if self._call.stdin is not None:
            fd, self._call.stdin = self._call.stdin, None
            self._call.close_one(fd)

    def complaints(self) -> str:
        return self._complaints.decode(errors="replace")

    def explain(self) -> str:
        """Why it can't be spoken with."""
        said = self.complaints().strip()
        return self._how() + (f": {said[-_SHOWN:]}" if said else "")

    def _how(self) -> str:
        outcome = self._outcome
        if not self._over.is_set():
            return "the program does not take any input"
        if isinstance(outcome, ExecFailed):
            return str(self._why_not(outcome))
        if outcome.limit is not None:
            return f"the program was ended: {describe(outcome.limit)}"
        if outcome.exit is None:
            return "the program was killed"
        return f"the program ended with {'exit code' if outcome.exit >= 0 else 'signal'} {abs(outcome.exit)}"

    async def wait(self) -> Outcome:
        await self._over.wait()
        if isinstance(self._outcome, ExecFailed):
            raise self._why_not(self._outcome)
        return self._outcome

    def _why_not(self, failure: ExecFailed) -> ExecFailed:
        """The sandbox's own word for a program that is not there, which it says where the program would complain."""
        found = _NOT_EXECUTED.search(self.complaints())
        return ExecFailed(f"cannot start {found[1]}: {found[2]}" if found else str(failure))

    async def end(self, grace_s: float = 0.2) -> None:
        async with self._ending:
            if self._over.is_set():
                return
            self.close_input()
            with contextlib.suppress(ExecFailed), trio.CancelScope(shield=True):  # else something of it would be left
                await self._ender.terminate(self._call)
                with trio.move_on_after(grace_s):
                    await self._over.wait()
                    return
                await self._ender.destroy(self._call)
                with trio.move_on_after(_SURVIVOR_S):
                    await self._over.wait()

    async def leave(self) -> None:
        """Once it has been ended. Where the broker is gone nobody tells us of an end."""
        self._left = True
        if not self._over.is_set():
            self._attending.cancel()
        await self._over.wait()
