"""Exec over the session's init: this side makes pipes and moves bytes, the init owns the processes."""

import contextlib
import itertools
import math
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import trio

from oad.contract.broker import decode_answer, send_request
from oad.contract.job import Usage
from oad.contract.trail import trace_variables
from oad.contract.worker import (
    BrokerAnswer,
    BrokerRequest,
    Destroy,
    DestroyAll,
    Destroyed,
    Exited,
    Failed,
    Measure,
    Measured,
    Run,
    Terminate,
)

from .allowance import Allowance, Meter
from .call import DRAIN_S, Call, OutputPump, discard
from .egress import OPEN, Egress
from .exec import Chunk, Command, ExecFailed, Outcome, Running
from .program import Program

DESTROY_TIMEOUT_S: Final = 3.0
_ANSWER_BYTES = 4096


class Keeper(Protocol):
    """Who takes over what commands leave running."""

    def adopt(self, call: Call, outputs: Sequence[int], command: Command) -> tuple[str, Path]:
        """Owns call and descriptors from now on. Returns the job's id and the file of its output."""
        ...


class BrokerExec:
    """See Exec. ``fd`` is the worker's end of the broker's socket and belongs to this object from now on."""

    def __init__(self, fd: int, allowance: Allowance | None = None, egress: Egress = OPEN) -> None:
        self.allowance = allowance or Allowance()
        self._egress = egress
        self._sock = socket.socket(fileno=fd)
        self._sock.setblocking(False)
        self._ids = itertools.count(1)
        self._asking = trio.Lock()
        self._graces: set[trio.CancelScope] = set()
        self._abort_grace_s: float | None = None
        self.keeper: Keeper | None = None  # without one what is left running is left to itself
        self.killed = 0  # processes that did not end by themselves, since the start
        self.survivors = 0  # processes that could not be ended, since the start

    def close(self) -> None:
        trio.lowlevel.notify_closing(self._sock.fileno())
        self._sock.close()

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        """See Exec.run. What a callback raises comes out in an ExceptionGroup, after the call has been destroyed."""
        async with self._egress.watched() as denials:
            outcome = await self._run(command, on_stdout, on_stderr, timeout_s, grace_s)
            return msgspec.structs.replace(outcome, denied=denials.read())

    async def _run(
        self, command: Command, on_stdout: Chunk, on_stderr: Chunk | None, timeout_s: float | None, grace_s: float
    ) -> Outcome:
        call, outcome = await self._start(command), Outcome(None)
        meter = self.allowance.open(call.id, counted=not command.snapshots)
        try:
            pumps: list[OutputPump] = []
            if call.stdout is not None:
                pumps.append(OutputPump(call.stdout, meter.counted(on_stdout)))
            if call.stderr is not None:
                pumps.append(OutputPump(call.stderr, meter.counted(on_stderr or on_stdout)))
            outcome = await self._attend(call, meter, command.stdin, pumps, timeout_s, grace_s)
            if outcome.left_running and self.keeper is not None:
                outcome = self._hand_over(call, pumps, command, outcome, self.keeper)
            else:
                self._keep_draining(call, pumps)
        except ExecFailed:
            raise
        except BaseException:
            with trio.CancelScope(shield=True), contextlib.suppress(ExecFailed):
                await self._end(call, grace_s if self._abort_grace_s is None else self._abort_grace_s)
            raise
        finally:
            self.allowance.close(call.id)
            if not outcome.job:
                call.close()
        hit = await meter.tell()
        return outcome if hit is None else msgspec.structs.replace(outcome, limit=hit)

    @contextlib.asynccontextmanager
    async def open(self, command: Command, *, grace_s: float = 0.2) -> AsyncGenerator[Running]:
        """See Exec.open."""
        call = await self._start(command, spoken_with=True)
        program = Program(call, self.allowance.open_flow(call.id), self)
        # Not in a nursery around the block: what is raised there would come out wrapped.
        trio.lowlevel.spawn_system_task(program.attend, name=f"attend {command.argv[:1]}")
        try:
            yield program
        finally:
            with trio.CancelScope(shield=True):
                await program.end(grace_s)
                await program.leave()
            self.allowance.close(call.id)
            call.close()

    async def _start(self, command: Command, *, spoken_with: bool = False) -> Call:
        call = Call(next(self._ids), command, spoken_with=spoken_with)
        try:
            request = Run(
                id=call.id,
                argv=command.argv,
                cwd=command.cwd,
                env={**command.env, **trace_variables()},
                profile=command.profile,
                limits=self.allowance.for_kernel(),
                terminal=command.terminal is not None,
                snapshots=command.snapshots,
                reader=command.reader,
            )
            await self._send(request, call.theirs)
            call.release()
        except BaseException:
            call.close()
            raise
        return call

    async def _attend(
        self,
        call: Call,
        meter: Meter,
        stdin: bytes,
        pumps: Sequence[OutputPump],
        timeout_s: float | None,
        grace_s: float,
    ) -> Outcome:
        async with trio.open_nursery() as readers:
            for pump in pumps:
                readers.start_soon(pump.run)
            ended = await self._await_end(call, meter, stdin, timeout_s)
            lost = None if ended else await self._end_or_lose(call, grace_s)
            for pump in pumps:
                pump.finish_by(trio.current_time() + DRAIN_S)
        if lost is not None:
            raise lost
        if not ended:
            return Outcome(None, timed_out=not meter.over.is_set())
        status = await call.ended()
        left = isinstance(status, Exited) and status.left and not await self._soon_gone(call)
        return self._outcome(status, meter, left_running=left)

    async def _soon_gone(self, call: Call) -> bool:
        """Whether the rest of a call goes as well: members of a pipeline end one after the other."""
        with trio.move_on_after(DRAIN_S):
            await call.gone()
            return True
        return False

    async def _await_end(self, call: Call, meter: Meter, stdin: bytes, timeout_s: float | None) -> bool:
        """False when the time is up, or too much was written."""
        allowed_s = meter.time(timeout_s)
        with trio.move_on_after(math.inf if allowed_s is None else allowed_s) as time:
            async with trio.open_nursery() as feeder:
                feeder.start_soon(call.feed, stdin)
                feeder.start_soon(_cut, meter, time)
                await call.ended()
                feeder.cancel_scope.cancel()
            return True
        if not meter.over.is_set():
            meter.ran_out(timeout_s)
        return False

    def _outcome(self, status: Exited | Failed | None, meter: Meter, *, left_running: bool) -> Outcome:
        match status:
            case Failed(errno, text):
                raise ExecFailed(text, errno)
            case Exited(code):
                meter.ended(code)
                return Outcome(code, left_running=left_running)
            case None:
                return Outcome(None)

    def _keep_draining(self, call: Call, pumps: Sequence[OutputPump]) -> None:
        for pump in pumps:
            if not pump.at_end:
                call.disown(pump.fd)
                trio.lowlevel.spawn_system_task(discard, pump.fd, name="discard output")

    def _hand_over(
        self, call: Call, pumps: Sequence[OutputPump], command: Command, outcome: Outcome, keeper: Keeper
    ) -> Outcome:
        # No checkpoint here: the call has one owner at any time.
        outputs = [pump.fd for pump in pumps if not pump.at_end]
        job, file = keeper.adopt(call, outputs, command)
        return Outcome(outcome.exit, left_running=True, job=job, job_output=str(file))

    async def _end(self, call: Call, grace_s: float) -> None:
        """TERM, grace, and then the end of whatever is left of the call."""
        await self.terminate(call)
        with self.grace(grace_s):
            await call.ended()
        await self.destroy(call)

    async def terminate(self, call: Call) -> None:
        """Raises ExecFailed."""
        await self._send(Terminate(call.id))

    async def destroy(self, call: Call) -> Destroyed:
        """Ends whatever is left of a call. Raises ExecFailed."""
        return await self._destroy(Destroy(call.id))

    @contextlib.contextmanager
    def grace(self, seconds: float) -> Generator[None]:
        """Time for a command to end by itself, which an abort may shorten meanwhile."""
        with trio.move_on_after(seconds) as scope:
            self._graces.add(scope)
            try:
                yield
            finally:
                self._graces.discard(scope)

    def set_abort_grace(self, seconds: float) -> None:
        """How long after TERM calls that are cancelled from now on are destroyed. Those that are being ended already
        get no more than that either."""
        self._abort_grace_s = seconds
        for scope in self._graces:
            scope.deadline = min(scope.deadline, trio.current_time() + seconds)

    def clear_abort_grace(self) -> None:
        """Calls that are cancelled have what their callers said again."""
        self._abort_grace_s = None

    async def _end_or_lose(self, call: Call, grace_s: float) -> ExecFailed | None:
        """Raised in a nursery, it would come out wrapped."""
        try:
            await self._end(call, grace_s)
        except ExecFailed as error:
            return error
        return None

    async def destroy_all(self) -> Destroyed:
        """Ends every program of the session at once: running calls, and what earlier ones left behind."""
        return await self._destroy(DestroyAll())

    async def measure(self, call: Call) -> Usage | None:
        """None when nothing of the call exists any more. Raises ExecFailed."""
        answer = await self._exchange(Measure(call.id))
        assert isinstance(answer, Measured)
        return answer.usage

    async def _destroy(self, request: Destroy | DestroyAll) -> Destroyed:
        answer = await self._exchange(request)
        assert isinstance(answer, Destroyed)
        self.killed += answer.killed
        self.survivors += answer.survivors
        return answer

    async def _exchange(self, request: Destroy | DestroyAll | Measure) -> BrokerAnswer:
        # Shielded: who is told to leave at once would otherwise leave processes behind.
        with trio.CancelScope(shield=True, deadline=trio.current_time() + DESTROY_TIMEOUT_S):
            async with self._asking:
                await self._send(request)
                answer = await self._answer()
                while not _belongs(answer, request):  # a late answer to somebody who has given up
                    answer = await self._answer()
            return answer
        raise ExecFailed("the session's broker does not answer")

    async def _answer(self) -> BrokerAnswer:
        await trio.lowlevel.wait_readable(self._sock.fileno())
        try:
            packet = self._sock.recv(_ANSWER_BYTES)
        except OSError as error:
            raise ExecFailed("the session's broker is gone") from error
        if not packet:
            raise ExecFailed("the session's broker is gone")
        return decode_answer(packet)

    async def _send(self, request: BrokerRequest, fds: Sequence[int] = ()) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            try:
                send_request(self._sock, request, fds)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._sock.fileno())
            except (OSError, ValueError) as error:
                raise ExecFailed(f"the session's broker is gone: {error}") from error
            else:
                return


def _belongs(answer: BrokerAnswer, request: Destroy | DestroyAll | Measure) -> bool:
    return answer.id == request.id and isinstance(answer, Measured) == isinstance(request, Measure)


async def _cut(meter: Meter, time: trio.CancelScope) -> None:
    await meter.over.wait()
    time.cancel()
