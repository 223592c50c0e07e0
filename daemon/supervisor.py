"""The workers: who lives, who is wanted, who must go.

One task per worker leads it from spawn over hello and service to its reaping; whoever needs a worker asks ``ensure``
and gets one that serves. A worker that ends by itself is replaced when it is next needed, within the restart budget.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog
import trio
import zmq

from oad.contract.errors import ApiError, session_not_found, unavailable
from oad.contract.policy import Policy
from oad.contract.sandbox import NO_WISH, SandboxWish
from oad.contract.session import Session
from oad.contract.worker import WorkerKind
from oad.link import Answer

from .abort import Receipt, abort_worker
from .bookkeeper import Bookkeeper
from .idleness import Idleness
from .ladder import Plan
from .lifecycle import End
from .listeners import Listeners
from .pulse import Pulse
from .restart import Alarm, RestartBudget, Verdict
from .sandboxes import Sandboxes
from .settings import DaemonSettings
from .snapshot_places import SnapshotPlaces
from .spawn import Spawner
from .specs import Specs
from .worker import Worker

_log = structlog.get_logger("oad.supervisor")

_SWEEP_S: Final = 5.0
_REFRESH_S: Final = 5.0
_DRAIN_S: Final = 2.0
_LONGEST_WAIT_S: Final = 5.0  # a restart delay up to this is waited out, a longer one refuses
_REST_S: Final = 10.0

Key = tuple[WorkerKind, str]


class RecyclingSpawner(Spawner, Protocol):
    def recycle(self) -> None:
        """Has the source of workers replaced; living ones do not notice."""
        ...


class TooManyCrashes(Exception):
    """Restarting does not help: the daemon ends, and its keeper starts it afresh or gives up."""


class Supervisor:
    def __init__(
        self,
        settings: DaemonSettings,
        spawner: RecyclingSpawner,
        context: "zmq.Context[zmq.Socket[bytes]]",
        budget: RestartBudget,
        books: Bookkeeper,
        sandboxes: Sandboxes,
        listeners: Listeners | None = None,
    ) -> None:
        self._settings = settings
        self._spawner = spawner
        self._context = context
        self._budget = budget
        self._workers: dict[Key, Worker] = {}
        self.snapshots = SnapshotPlaces(settings.data / "snapshots", settings.policy.snapshots)
        self._specs = Specs(settings, books, sandboxes, self.snapshots)
        self._aborts: dict[str, int] = {}
        self._plans: dict[str, Plan] = {}  # of the aborts under way
        self._resting: dict[Key, float] = {}  # not before this time
        self._nursery: trio.Nursery | None = None
        self._books = books
        self._idleness = Idleness(settings, books, listeners or Listeners(), self._workers)
        self._pulse = Pulse(books.busy)
        self._closing = False
        self._sandboxes = sandboxes
        self.terminals = books.terminals
        books.retire = self._retire
        self.on_room: Callable[[], object] = int  # hears when a worker is gone
        self.withdraw: Callable[[str], object] = str  # takes what waits for a session's turn out of the line

    @property
    def policy(self) -> Policy:
        return self._settings.policy

    async def run(self) -> None:
        """Keeps the workers' tasks; on cancellation every worker is killed and reaped before it returns."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                await self._sweep()
        finally:
            self._closing = True

    # --- getting a worker -----------------------------------------------------------------------------------------

    async def ensure(self, kind: WorkerKind, name: str, directory: str, writable: Sequence[str] = ()) -> Worker:
        """A worker that serves; one that has to be started may write to ``writable``.

        Raises ApiError 503 when it can't be had: it does not start, or failed too often; 404 for no session."""
        key: Key = (kind, name)
        while True:
            worker = self._workers.get(key)
            if worker is None:
                worker = self.begin(key, directory, writable)
            elif worker.leaving:
                await worker.gone.wait()
                continue
            await worker.settled.wait()
            if worker.serving and not self._is_outdated(worker):
                return worker
            if worker.serving:
                await self._put_away(worker)
            if worker.failure is not None:
                raise worker.failure

    def _is_outdated(self, worker: Worker) -> bool:
        """Another sandbox was asked for since it was started, and it can be replaced without stopping anything."""
        name = worker.spec.name
        idle = worker.spec.kind == "session" and not worker.calls and not self._books.busy(name)
        outdated = "outdated" in worker.facts or self._sandboxes.is_outdated(name, worker.spec.confinement)
        return idle and outdated

    def renew_sessions(self, below: str) -> None:
        """A file was replaced, and with it what protected it in their views: new workers for them, once idle."""
        for worker in self._workers.values():
            if f"{worker.spec.directory}/".startswith(below.rstrip("/") + "/"):
                worker.facts["outdated"] = True

    async def call(self, worker: Worker, op: str, params: dict[str, str], body: bytes) -> Answer | None:
        """None: the worker was lost, and all it left is closed."""
        answer = await worker.call(op, params, body)
        if answer is None:
            await worker.gone.wait()
        return answer

    async def call_project(
        self, directory: str, op: str, params: dict[str, str], body: bytes, *, tries: int = 2
    ) -> Answer:
        """Asks a directory's worker, a second time if the first one dies over it: not if it was ended on purpose, lest
        what was stopped begins anew. Raises ApiError."""
        for _ in range(tries):
            worker = await self.ensure("project", directory, directory)
            answer = await self.call(worker, op, params, body)
            if answer is not None:
                if answer.status >= 400:
                    raise ApiError(answer.status, msgspec.json.decode(answer.body, type=dict[str, Any]), answer.headers)
                return answer
            if worker.life.end is End.KILLED:
                raise unavailable(f"{directory} was disposed of meanwhile")
        raise unavailable(f"the worker of {directory} ended unexpectedly{', twice' if tries > 1 else ''}")

    def directories(self) -> list[str]:
        return sorted({worker.spec.directory for worker in self._workers.values()})

    def live(self) -> list[Worker]:
        return list(self._workers.values())

    async def refresh_credentials(self) -> None:
        """Directory workers list providers by what is stored: they ask anew."""
        async with trio.open_nursery() as nursery:
            for (kind, _), worker in self._workers.items():
                if kind == "project" and worker.serving:
                    nursery.start_soon(self._refresh, worker)

    async def _refresh(self, worker: Worker) -> None:
        try:
            await worker.call("worker.refresh", {}, b"", deadline_s=_REFRESH_S)
        except trio.TooSlowError:
            _log.warning("a directory's worker did not take new credentials", worker=worker.spec.name)

    # --- ending ---------------------------------------------------------------------------------------------------

    def aborts(self, session_id: str) -> int:
        """How often the session was aborted since the start: work that arrived before the last time must not begin."""
        return self._aborts.get(session_id, 0)

    def plan_of(self, session_id: str) -> Plan:
        """How a session is being aborted just now; what it then has its subagents aborted with is no harder."""
        return self._plans.get(session_id, Plan())

    async def abort(self, session: Session, plan: Plan = Plan()) -> Receipt:  # noqa: B008  it is frozen
        """Stops the turn of a session and of all its subagents, and the jobs that they left unless the plan keeps
        them. When it returns none of their processes exists."""
        self._aborts[session.id] = self.aborts(session.id) + 1
        self.withdraw(session.id)
        self._plans[session.id] = plan
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._abort_children, session, plan)
                receipt = await self._abort_one(session, plan)
            # Again: until its own turn had stopped, it may have begun further subagents.
            await self._abort_children(session, plan)
        finally:
            self._plans.pop(session.id, None)
        return receipt

    async def _abort_children(self, session: Session, plan: Plan) -> None:
        async with trio.open_nursery() as nursery:
            for child in self._books.children(session):
                if self._active(child.id) or self._books.jobs.of(child.id):
                    nursery.start_soon(self.abort, child, plan)
                else:
                    nursery.start_soon(self._abort_children, child, plan)

    async def _abort_active(self, session: Session) -> None:
        async with trio.open_nursery() as nursery:
            for child in self._books.children(session):
                if self._active(child.id):
                    nursery.start_soon(self.abort, child)

    def _active(self, session_id: str) -> bool:
        """Whether it is in a turn, or a prompt is on the way to it."""
        worker = self._workers.get(("session", session_id))
        return worker is not None and (worker.calls > 0 or not worker.settled.is_set() or self._books.busy(session_id))

    async def _abort_one(self, session: Session, plan: Plan) -> Receipt:
        worker = self._workers.get(("session", session.id))
        if worker is None:
            return Receipt.nothing_to_do(session.id, plan)
        if plan.mode != "kill":
            await worker.settled.wait()
        receipt = await abort_worker(worker, session.id, plan)
        self._books.aborted(session, receipt)
        return receipt

    async def end_session(self, session_id: str) -> None:
        """Kills the session's worker, whatever it does, and removes its scratch directory."""
        key: Key = ("session", session_id)
        await self._end(key)
        self._forget(key)
        self._aborts.pop(session_id, None)
        await self._specs.remove_scratch(session_id)

    async def end_directory(self, directory: str) -> None:
        """Aborts the turns of a directory, then ends its project worker and idle sessions' workers."""
        async with trio.open_nursery() as nursery:
            for key, worker in self._workers.items():
                if worker.spec.directory == directory:
                    nursery.start_soon(self._end_orderly, key)

    async def end_project(self, name: str) -> None:
        """Kills one worker of a directory, and removes its scratch directory."""
        await self._end(("project", name))
        await self._specs.remove_scratch(name, "project")

    async def _end_orderly(self, key: Key) -> None:
        kind, name = key
        if kind == "session" and self._active(name) and self._books.exists(name):
            await self.abort(self._books.find(name))
        await self._end(key)

    async def shut_down(self) -> None:
        """Every turn is aborted side by side, then every worker ended; bounded by the configured grace."""
        self._closing = True
        with trio.move_on_after(self._settings.shutdown_grace_s):
            async with trio.open_nursery() as nursery:
                for worker in list(self._workers.values()):
                    nursery.start_soon(self._put_away, worker)
        for worker in list(self._workers.values()):
            worker.kill()
        for worker in list(self._workers.values()):
            await worker.gone.wait()

    async def _put_away(self, worker: Worker) -> None:
        if worker.spec.kind == "session" and self._books.busy(worker.spec.name) and worker.serving:
            await abort_worker(worker, worker.spec.name)
        await worker.drain(_DRAIN_S)
        with trio.move_on_after(_DRAIN_S):
            await worker.gone.wait()

    async def _end(self, key: Key) -> None:
        worker = self._workers.get(key)
        if worker is not None:
            worker.kill()
            await worker.gone.wait()

    # --- one worker's life ----------------------------------------------------------------------------------------

    def begin(self, key: Key, directory: str, writable: Sequence[str], wish: SandboxWish = NO_WISH) -> Worker:
        if self._closing or self._nursery is None:
            raise unavailable("the service is stopping")
        kind, name = key
        if kind == "session" and not self._books.exists(name):
            raise session_not_found(name)  # deleted while this call waited for its last worker's end
        if kind != "project":
            self._check_room()
        wait_s = self._resting.pop(key, -math.inf) - trio.current_time()
        if wait_s > _LONGEST_WAIT_S:
            self._resting[key] = trio.current_time() + wait_s
            text = f"The worker of {key[1]} failed too often; it is tried again in {wait_s:.0f} s"
            raise unavailable(text, retry_after_s=math.ceil(wait_s))
        spec = self._specs.make(kind, name, directory, writable, wish)
        worker = self._workers[key] = Worker(spec, self._books, self._context)
        self._nursery.start_soon(self._lead, key, worker, max(wait_s, 0.0))
        return worker

    def _check_room(self) -> None:
        """Raises ApiError 429 when as many sessions and terminals live as may, though the turnstile has made room."""
        most = self.policy.limits.live_sessions
        live = sum(1 for (kind, _), worker in self._workers.items() if kind != "project" and not worker.leaving)
        if most is not None and live >= most:
            raise self._books.limits.refuse("liveSessions", most, live, retry_after_s=5)

    def is_idle(self, worker: Worker) -> bool:
        """Nothing is lost when it is put away."""
        return self._idleness.is_idle(worker) and not self._books.jobs.of(worker.spec.name)

    def dismiss(self, worker: Worker) -> None:
        """Puts it away: from now on it gets no work."""
        if worker.leave() and self._nursery is not None:
            self._nursery.start_soon(worker.say_drain, _DRAIN_S)

    async def _lead(self, key: Key, worker: Worker, wait_s: float) -> None:
        """The one task of a worker: waits out the restart delay, lets it live, and closes its books."""
        try:
            with trio.move_on_after(wait_s):
                await worker.over.wait()
            self._books.worker_begins(worker)
            await worker.live(self._spawner)
        finally:
            with trio.CancelScope(shield=True):
                await self._bury(key, worker)

    async def _bury(self, key: Key, worker: Worker) -> None:
        end = worker.finish()
        self._pulse.forget(worker)
        if key[0] == "session" and self._books.exists(key[1]):
            await self._abort_active(self._books.find(key[1]))  # a subagent ends with its parent
        await self._books.worker_ended(worker)
        try:
            if key[0] == "pty":
                await self._specs.remove_scratch(key[1])
            if worker.life.abnormal:
                _log.warning("worker ended unexpectedly", worker=key[1], end=end.value, status=worker.life.status)
                self._count_crash(key)
            if key[0] == "pty":
                self._forget(key)  # it never comes again
        finally:
            if self._workers.get(key) is worker:
                del self._workers[key]
            worker.gone.set()
            self.on_room()

    def _count_crash(self, key: Key) -> None:
        now = trio.current_time()
        decision = self._budget.on_abnormal_exit(key[1], now, random.random())  # noqa: S311  jitter, no secret
        failed = decision.verdict is Verdict.FAILED
        if failed:
            self._budget.forgive(key[1])  # after the rest its user may try anew
        self._resting[key] = now + (_REST_S if failed else decision.after_s)
        if decision.alarm is Alarm.RECYCLE_ZYGOTE:
            _log.error("many workers crash: the zygote is replaced")
            self._spawner.recycle()
        elif decision.alarm is Alarm.GIVE_UP and not self._closing:
            self._closing = True  # once: whoever crashes meanwhile has nothing to add
            raise TooManyCrashes("more than twenty workers crashed within ten seconds")

    async def _sweep(self) -> None:
        """Puts idle workers away. A turn, a call, an open ask or a background job is work; a listening client is not,
        unless it listens to one directory. For jobs alone the operator may set a limit of their own."""
        while True:
            await trio.sleep(_SWEEP_S)
            now = trio.current_time()
            for worker in list(self._workers.values()):
                self._pulse.feel(worker, now)
                if self._idleness.is_due(worker, now):
                    await worker.drain(_DRAIN_S)

    def project_worker(self, directory: str) -> Worker | None:
        """As ``session_worker``."""
        worker = self._workers.get(("project", directory))
        return worker if worker is not None and worker.serving else None

    def _retire(self, worker: Worker) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(worker.retire)

    def _forget(self, key: Key) -> None:
        self._budget.forgive(key[1])
        self._resting.pop(key, None)

    def find(self, kind: WorkerKind, name: str) -> Worker | None:
        return self._workers.get((kind, name))

    def session_worker(self, session_id: str) -> Worker | None:
        """The one that serves now; none is started."""
        worker = self._workers.get(("session", session_id))
        return worker if worker is not None and worker.serving else None
