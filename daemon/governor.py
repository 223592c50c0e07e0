"""Keeps every session within its limits of memory, CPU, processes, disk and time, by looking and by ending.

One task looks at all sessions: four times a second at those that work, once at those that rest, twenty times at those
near a limit. What exceeds a limit is first frozen, then its worker is told why, then it is ended: the command that
takes too much, else the turn, else the session.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog
import trio

from oad.contract.errors import ApiError
from oad.contract.limits import MEGABYTE, LimitHit, SessionLimits

from . import process_usage, procs, tree_kill
from .asks import Asks
from .grouping import GroupingSpawner
from .limits import Ledger, Limits
from .priority import Autogroups, is_autogrouping
from .process_usage import CallUse
from .sessions import Sessions
from .supervisor import Supervisor
from .turns import Turns
from .watch import BUSY_S, NEAR_S, Breach, Watch
from .worker import Worker

_log = structlog.get_logger("oad.governor")

_BURST: Final = 32  # new processes on the whole host within one wait: look at once
_TELL_S: Final = 0.3
_STOP_TURN_S: Final = 2.0
_SHARE: Final = 8  # looking takes at most one part in so many of one core's time, however many processes there are


class Governor:
    """``inherited_kb``: memory that every worker has from the zygote and shares with it."""

    def __init__(
        self,
        limits: Limits,
        supervisor: Supervisor,
        sessions: Sessions,
        turns: Turns,
        asks: Asks,
        groups: GroupingSpawner,
        *,
        inherited_kb: Callable[[], int] = lambda: 0,
    ) -> None:
        self._limits = limits
        self._supervisor = supervisor
        self._sessions = sessions
        self._turns = turns
        self._asks = asks
        self._groups = groups
        self._inherited_kb = inherited_kb
        self._autogroups = Autogroups(enabled=is_autogrouping())
        self._watches: dict[Worker, Watch] = {}
        self._acting: set[Worker] = set()
        self._clock: float | None = None  # of the last look

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                began = trio.current_time()
                for worker, breach in self.look(began):
                    self._acting.add(worker)
                    nursery.start_soon(self._enforce, worker, breach)
                await self._wait((trio.current_time() - began) * _SHARE)

    async def _wait(self, least_s: float) -> None:
        """Until the next look; less when processes multiply on this host: sampling alone may be late for that."""
        fast = any(watch.fast for watch in self._watches.values())
        if fast or not any(watch.exposed for watch in self._watches.values()):
            await trio.sleep(max(NEAR_S if fast else BUSY_S, least_s))
            return
        before = tasks_of_host()
        for _ in range(round(max(BUSY_S, least_s) / NEAR_S)):
            await trio.sleep(NEAR_S)
            if tasks_of_host() - before >= _BURST:
                for watch in self._watches.values():
                    watch.due = 0.0
                return

    # --- looking --------------------------------------------------------------------------------------------------

    def look(self, now: float) -> list[tuple[Worker, Breach]]:
        """One look at everybody whose time it is; whom to act upon, and why."""
        found: list[tuple[Worker, Breach]] = []
        live = {worker for worker in self._supervisor.live() if worker.serving and worker.child is not None}
        self._watches = {worker: self._watches.get(worker) or _begin(worker) for worker in live}
        self._groups.tidy({worker.spec.name for worker in self._supervisor.live()})
        self._tick(now, live)
        for worker, watch in self._watches.items():
            if watch.due <= now and worker not in self._acting:
                breach = self._look_at(worker, watch, now)
                if breach is not None:
                    found.append((worker, breach))
        self._autogroups.forget({leader for watch in self._watches.values() for leader in watch.use.leaders})
        return found + self._overruns(live)

    def _look_at(self, worker: Worker, watch: Watch, now: float) -> Breach | None:
        assert worker.child is not None
        name = worker.spec.name
        limits = self._groups.left_to_governor(name, self._of(worker))
        for hit in self._groups.hits(name, limits):
            self._say(worker, hit)
        use = process_usage.measure(
            worker.child.init_pid, worker.child.worker_pid, self._inherited_kb(), enough=limits.processes
        )
        self._autogroups.lower(use.leaders, worker.spec.priority)
        watch.note(now, use, limits, busy=self._turns.busy(name))
        ledger = Ledger() if worker.spec.kind == "project" else self._limits.ledger(name)
        if limits.written_mb is not None:
            ledger.written += watch.note_written({c.holder: process_usage.written_bytes(c) for c in use.calls})
        ledger.memory_mb, ledger.cpu, ledger.processes = use.memory_kb / 1024, watch.cpu, use.tasks
        for limit, value in watch.peak.items():
            ledger.mark(limit, value)
        return watch.breach(limits, ledger.written / MEGABYTE)

    def _of(self, worker: Worker) -> SessionLimits:
        return self._limits.of(worker.spec.name if worker.spec.kind == "session" else "")

    def _overruns(self, live: set[Worker]) -> list[tuple[Worker, Breach]]:
        """Turns of sessions that have spent too much, with those of their subagents."""
        found: list[tuple[Worker, Breach]] = []
        overrun, self._limits.overrun = self._limits.overrun, []
        for root, hit in overrun:
            for worker in live - self._acting:
                name = worker.spec.name
                if self._turns.busy(name) and root in self._limits.ancestors(name):
                    found.append((worker, Breach(hit, None)))
        return found

    def _tick(self, now: float, live: set[Worker]) -> None:
        """Turns' clocks. They stand while somebody is asked, and for those who wait for a subagent that asks."""
        passed, self._clock = now - (now if self._clock is None else self._clock), now
        waiting = {each for session in self._asks.waiting() for each in self._limits.ancestors(session)}
        for worker in live:
            name = worker.spec.name
            if worker.spec.kind != "session":
                continue
            ledger = self._limits.ledger(name)
            turn = self._turns.number(name)
            if turn != ledger.turn or not turn:
                # By its number: the next turn may well have begun since the last look, and owes nothing for this one.
                ledger.turn, ledger.turn_s = turn, 0.0
            elif name not in waiting:
                ledger.turn_s += passed
                ledger.session_s += passed
                ledger.mark("turnS", ledger.turn_s)
                self._check_time(name, ledger)

    def _check_time(self, name: str, ledger: Ledger) -> None:
        limits = self._limits.of(name)
        for limit, most, used in (
            ("turnS", limits.turn_s, ledger.turn_s),
            ("sessionS", limits.session_s, ledger.session_s),
        ):
            if most is not None and used > most:
                self._limits.overrun.append((name, LimitHit(limit=limit, value=most, peak=used, action="turn")))
                return

    # --- acting ---------------------------------------------------------------------------------------------------

    async def _enforce(self, worker: Worker, breach: Breach) -> None:
        try:
            if breach.call is None:
                await self._stop_turn(worker, breach.hit)
            elif breach.exact or await self._is_real(worker, breach):
                await self._stop_call(worker, breach.call, breach.hit)
        except Exception as error:  # noqa: BLE001  one session's trouble must not end the watch over the others
            _log.exception("a limit could not be enforced", worker=worker.spec.name, exc_info=error)
        finally:
            self._acting.discard(worker)

    async def _is_real(self, worker: Worker, breach: Breach) -> bool:
        """Whether memory exceeds the limit also when what processes share is counted once."""
        watch = self._watches.get(worker)
        if watch is None:
            return False
        sizes = [await trio.to_thread.run_sync(process_usage.proportional_kb, call) for call in watch.use.calls]
        return (watch.use.own_kb + sum(sizes)) / 1024 > breach.hit.value

    async def _stop_call(self, worker: Worker, call: CallUse, hit: LimitHit) -> None:
        if procs.identify(call.holder.pid) != call.holder:
            return  # it has ended meanwhile
        await trio.to_thread.run_sync(tree_kill.freeze_below, call.holder.pid)
        self._say(worker, hit)  # before the worker answers its client, who may ask at once how often this happened
        number = process_usage.call_number(call.holder.pid)
        if number is not None:
            await self._tell(worker, {"hit": hit, "call": number}, _TELL_S)
        ended = await trio.to_thread.run_sync(tree_kill.kill_below, call.holder.pid)
        if ended.survivors:
            await self._end_session(worker, hit)

    async def _stop_turn(self, worker: Worker, hit: LimitHit) -> None:
        name = worker.spec.name
        if worker.spec.kind != "session" or not self._turns.busy(name):
            if hit.limit == "memoryMb":  # at rest, and too large: the next prompt gets a fresh worker
                await self._end_session(worker, hit)
            return
        self._say(worker, hit)
        if not await self._tell(worker, {"hit": hit}, _STOP_TURN_S):
            await self._end_session(worker, hit)

    async def _end_session(self, worker: Worker, hit: LimitHit) -> None:
        hit = msgspec.structs.replace(hit, action="session")
        worker.facts["limit"] = hit
        self._say(worker, hit)
        worker.kill()
        self._groups.kill(worker.spec.name)
        await worker.gone.wait()

    async def _tell(self, worker: Worker, order: dict[str, Any], patience_s: float) -> bool:
        with contextlib.suppress(trio.TooSlowError):
            answer = await worker.call("worker.limit", {}, msgspec.json.encode(order), deadline_s=patience_s)
            return answer is not None and answer.status == 200
        return False

    def _say(self, worker: Worker, hit: LimitHit) -> None:
        name = worker.spec.name
        try:
            session = self._sessions.find(name) if worker.spec.kind == "session" else None
        except ApiError:
            session = None  # deleted meanwhile
        if session is not None:
            self._limits.reach(session, hit)
        else:
            self._limits.reach_elsewhere(name, worker.spec.directory, hit)


def _begin(worker: Worker) -> Watch:
    return Watch(largest=worker.spec.kind == "project")


def tasks_of_host() -> int:
    """Processes and threads on this host, in one short read."""
    fd = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 128).split()[3].partition(b"/")[2])
    finally:
        os.close(fd)
