"""Exec over the session's init: this side makes pipes and moves bytes, the init owns the processes."""

import contextlib
import itertools
import math
import socket
from collections.abc import Sequence
from typing import Final

import msgspec
import trio

from oad.contract.broker import decode_destroyed, send_request
from oad.contract.worker import BrokerRequest, Destroy, DestroyAll, Destroyed, Exited, Failed, Run, Terminate

from .call import Call, OutputPump, discard
from .egress import OPEN, Egress
from .exec import Chunk, Command, ExecFailed, Outcome

DESTROY_TIMEOUT_S: Final = 3.0
DRAIN_S: Final = 0.05
_ANSWER_BYTES = 4096


class BrokerExec:
    """See Exec. ``fd`` is the worker's end of the broker's socket and belongs to this object from now on."""

    def __init__(self, fd: int, egress: Egress = OPEN) -> None:
        self._egress = egress
        self._sock = socket.socket(fileno=fd)
        self._sock.setblocking(False)
        self._ids = itertools.count(1)
        self._destroying = trio.Lock()
        self.killed = 0  # processes that did not end by themselves, since the start

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
        call = await self._start(command)
        try:
            pumps = [OutputPump(call.stdout, on_stdout)]
            if call.stderr is not None:
                pumps.append(OutputPump(call.stderr, on_stderr or on_stdout))
            outcome = await self._attend(call, command.stdin, pumps, timeout_s, grace_s)
            self._keep_draining(call, pumps)
        except ExecFailed:
            raise
        except BaseException:
            with trio.CancelScope(shield=True), contextlib.suppress(ExecFailed):
                await self._end(call, grace_s)
            raise
        finally:
            call.close()
        return outcome

    async def _start(self, command: Command) -> Call:
        call = Call(next(self._ids), command)
        try:
            request = Run(id=call.id, argv=command.argv, cwd=command.cwd, env=command.env, profile=command.profile)
            await self._send(request, call.theirs)
            call.release()
        except BaseException:
            call.close()
            raise
        return call

    async def _attend(
        self, call: Call, stdin: bytes, pumps: Sequence[OutputPump], timeout_s: float | None, grace_s: float
    ) -> Outcome:
        async with trio.open_nursery() as readers:
            for pump in pumps:
                readers.start_soon(pump.run)
            ended = await self._await_end(call, stdin, timeout_s)
            lost = None if ended else await self._end_or_lose(call, grace_s)
            for pump in pumps:
                pump.finish_by(trio.current_time() + DRAIN_S)
        if lost is not None:
            raise lost
        if not ended:
            return Outcome(None, timed_out=True)
        return self._outcome(await call.ended(), left_running=not all(pump.at_end for pump in pumps))

    async def _await_end(self, call: Call, stdin: bytes, timeout_s: float | None) -> bool:
        """False when the time is up."""
        with trio.move_on_after(math.inf if timeout_s is None else timeout_s):
            async with trio.open_nursery() as feeder:
                feeder.start_soon(call.feed, stdin)
                await call.ended()
                feeder.cancel_scope.cancel()
            return True
        return False

    def _outcome(self, status: Exited | Failed | None, *, left_running: bool) -> Outcome:
        match status:
            case Failed(_, text):
                raise ExecFailed(text)
            case Exited(code):
                return Outcome(code, left_running=left_running)
            case None:
                return Outcome(None)

    def _keep_draining(self, call: Call, pumps: Sequence[OutputPump]) -> None:
        for pump in pumps:
            if not pump.at_end:
                call.disown(pump.fd)
                trio.lowlevel.spawn_system_task(discard, pump.fd, name="discard output")

    async def _end(self, call: Call, grace_s: float) -> None:
        """TERM, grace, and then the end of whatever is left of the call."""
        await self._send(Terminate(call.id))
        with trio.move_on_after(grace_s):
            await call.ended()
        await self._destroy(Destroy(call.id))

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

    async def _destroy(self, request: Destroy | DestroyAll) -> Destroyed:
        # Shielded: who is told to leave at once would otherwise leave processes behind.
        with trio.CancelScope(shield=True, deadline=trio.current_time() + DESTROY_TIMEOUT_S):
            return await self._exchange(request)
        raise ExecFailed("the session's broker does not answer")

    async def _exchange(self, request: Destroy | DestroyAll) -> Destroyed:
        async with self._destroying:
            await self._send(request)
            answer = await self._answer()
            while answer.id != request.id:  # a late answer to somebody who has given up
                answer = await self._answer()
        self.killed += answer.killed
        return answer

    async def _answer(self) -> Destroyed:
        await trio.lowlevel.wait_readable(self._sock.fileno())
        try:
            packet = self._sock.recv(_ANSWER_BYTES)
        except OSError as error:
            raise ExecFailed("the session's broker is gone") from error
        if not packet:
            raise ExecFailed("the session's broker is gone")
        return decode_destroyed(packet)

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
