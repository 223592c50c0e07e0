"""All background jobs of a session: adopted from calls that have ended, listed, read, kept and ended."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from oad.contract.errors import ApiError, bad_request, named, not_found
from oad.contract.ids import now_ms
from oad.contract.job import Job, JobKeep, JobOutput, JobReceipt, JobSignal, Reason, Usage

from ..broker import BrokerExec
from ..call import DRAIN_S, Call
from ..exec import Command, ExecFailed
from ..link import Answer, Link
from .job import LeftRunning

GRACE_S: Final = 0.5  # between TERM and the end, where nothing else is said
_REMEMBERED: Final = 16  # ended jobs whose output can still be read


class Jobs:
    """``run`` must be running before a call can leave anything. ``directory`` takes the files of output."""

    def __init__(self, broker: BrokerExec, link: Link, session: str, directory: Path) -> None:
        self._broker = broker
        self._link = link
        self._session = session
        self._directory = directory
        self._running: dict[str, LeftRunning] = {}
        self._ended: deque[LeftRunning] = deque()
        self._nursery: trio.Nursery | None = None
        self._operations: dict[str, Callable[[dict[str, str], bytes], Awaitable[Any]]] = {
            "job.list": self._list,
            "job.output": self._output,
            "job.stop": self._stop,
            "job.keep": self._keep,
        }

    async def run(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def serves(self, op: str) -> bool:
        return op in self._operations

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Raises ApiError."""
        return Answer(msgspec.json.encode(await self._operations[op](params, body)))

    # --- their lives ----------------------------------------------------------------------------------------------

    def adopt(self, call: Call, outputs: Sequence[int], command: Command) -> tuple[str, Path]:
        """Takes over a call whose command has ended, and those of its descriptors that are still written to. Returns
        the job's id and where its output goes."""
        job = LeftRunning(call, outputs, command, self._directory)
        self._running[job.id] = job
        assert self._nursery is not None, "a call has ended before the session began"
        self._nursery.start_soon(self._follow, job)
        return job.id, job.output.file

    async def _follow(self, job: LeftRunning) -> None:
        try:
            async with trio.open_nursery() as pumps:
                for fd in job.outputs:
                    pumps.start_soon(job.pump, fd)
                await self._link.publish("job.started", {"sessionID": self._session, "job": await self._record(job)})
                pumps.start_soon(self._expire, job)
                await job.call.gone()
                job.over.set()
                pumps.cancel_scope.deadline = trio.current_time() + DRAIN_S
        finally:
            job.call.close()
        self._forget(job)
        properties = {"sessionID": self._session, "jobID": job.id, "reason": job.reason or "exited"}
        await self._link.publish("job.ended", properties)

    async def _expire(self, job: LeftRunning) -> None:
        with job.expiry:
            await job.over.wait()
        if not job.over.is_set():
            await self._end(job, "expired", GRACE_S)

    def _forget(self, job: LeftRunning) -> None:
        del self._running[job.id]
        self._ended.append(job)
        while len(self._ended) > _REMEMBERED:
            self._ended.popleft().output.remove()

    # --- their ends -----------------------------------------------------------------------------------------------

    async def end_all(self, grace_s: float, *, keep_all: bool) -> None:
        """What an abort does to them. Those that are kept one by one are left alone too."""
        ending = [job for job in self._running.values() if not (keep_all or job.kept)]
        async with trio.open_nursery() as nursery:
            for job in ending:
                nursery.start_soon(self._end, job, "aborted", grace_s)

    async def _end(self, job: LeftRunning, reason: Reason, grace_s: float) -> JobReceipt:
        """TERM, grace, and then whatever is left."""
        job.because(reason)
        requested, began = now_ms(), trio.current_time()
        signals = [JobSignal("SIGTERM", 0.0)]
        killed = survivors = 0
        try:
            await self._broker.terminate(job.call)
            with self._broker.grace(grace_s):
                await job.over.wait()
            if not job.over.is_set():
                signals.append(JobSignal("SIGKILL", _ms_since(began)))
                ended = await self._broker.destroy(job.call)
                killed, survivors = ended.killed, ended.survivors
        except ExecFailed as error:
            raise named(503, "UnavailableError", message=str(error)) from error
        if not survivors:
            await job.over.wait()
        return JobReceipt(job.id, requested, signals, killed, survivors, _ms_since(began))

    # --- operations -----------------------------------------------------------------------------------------------

    async def _list(self, params: dict[str, str], body: bytes) -> Any:
        return [await self._record(job) for job in list(self._running.values())]

    async def _record(self, job: LeftRunning) -> Job:
        usage = await self._broker.measure(job.call)
        return job.describe(usage or Usage(0, 0.0, 0, []))

    async def _output(self, params: dict[str, str], body: bytes) -> JobOutput:
        id = params["jobID"]
        job = self._running.get(id) or next((ended for ended in self._ended if ended.id == id), None)
        if job is None:
            raise job_not_found(id)
        running = id in self._running
        start, end, text = job.output.read(int(params.get("offset", "0")), final=not running)
        return JobOutput(start, end, text, running)

    async def _stop(self, params: dict[str, str], body: bytes) -> JobReceipt:
        receipt = await self._end(self._find(params["jobID"]), "stopped", GRACE_S)
        if receipt.survivors:
            raise named(500, "StopIncompleteError", message="Processes survived", receipt=receipt)
        return receipt

    async def _keep(self, params: dict[str, str], body: bytes) -> Any:
        try:
            wanted = msgspec.json.decode(body or b"{}", type=JobKeep)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad_request(str(error)) from error
        job = self._find(params["jobID"])
        if wanted.ttl_s is None:
            raise bad_request('Missing key\n  at ["ttl_s"]')
        job.keep(wanted.ttl_s)
        return await self._record(job)

    def _find(self, id: str) -> LeftRunning:
        job = self._running.get(id)
        if job is None:
            raise job_not_found(id)
        return job


def job_not_found(id: str) -> ApiError:
    return not_found(f"Job not found: {id}")


def _ms_since(began: float) -> float:
    return round((trio.current_time() - began) * 1000, 2)
