"""The workers: who lives, who is wanted, who must go.

One task per worker leads it from spawn over hello and service to its reaping; whoever needs a worker asks ``ensure`` and
gets one that serves. A worker that ends by itself is replaced when it is next needed, within the restart budget.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Final

import msgspec
import structlog
import trio
import zmq

from oad.contract.errors import ApiError, named, unavailable
from oad.contract.ids import random_text
from oad.contract.session import Session
from oad.contract.worker import WorkerKind, WorkerSpec
from oad.link import Answer

from .abort import Receipt, abort_worker
from .bookkeeper import Bookkeeper
from .restart import RestartBudget
from .settings import DaemonSettings
from .spawn import Spawner, SpawnFailed
from .worker import Worker

_log = structlog.get_logger("oad.supervisor")

_SWEEP_S: Final = 5.0
_DRAIN_S: Final = 2.0

Key = tuple[WorkerKind, str]


class Supervisor:
    def __init__(
        self,
        settings: DaemonSettings,
        spawner: Spawner,
        context: "zmq.Context[zmq.Socket[bytes]]",
        budget: RestartBudget,
        books: Bookkeeper,
    ) -> None:
        self._settings = settings
        self._spawner = spawner
        self._context = context
        self._budget = budget
        self._workers: dict[Key, Worker] = {}
        self._nursery: trio.Nursery | None = None
        self._books = books
        self._closing = False

    async def run(self) -> None:
        """Keeps the workers' tasks; on cancellation every worker is killed and reaped before it returns."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                await self._sweep()
        finally:
            self._closing = True

    # --- getting a worker -----------------------------------------------------------------------------------------

    async def ensure(self, kind: WorkerKind, name: str, directory: str) -> Worker:
        """A worker that serves. Raises ApiError 503 when it can't be had: the budget is spent, or it does not start."""
        key: Key = (kind, name)
        while True:
            worker = self._workers.get(key)
            if worker is None:
                worker = await self._start(key, directory)
            elif worker.draining:
                await worker.gone.wait()
                continue
            with trio.move_on_after(self._settings.spawn_timeout_s):
                await worker.settled.wait()
            if worker.serving:
                return worker
            if worker.failure is not None:
                raise worker.failure
            if not worker.settled.is_set():
                worker.kill()
                raise unavailable(f"the worker of {name} did not start in {self._settings.spawn_timeout_s:.0f} s")

    async def call(self, worker: Worker, op: str, params: dict[str, str], body: bytes) -> Answer | None:
        """None: the worker was lost, and all it left is closed."""
        answer = await worker.call(op, params, body)
        if answer is None:
            await worker.gone.wait()
        return answer

    async def call_project(self, directory: str, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Asks a directory's worker, a second time if the first one dies over it. Raises ApiError."""
        for _ in range(2):
            worker = await self.ensure("project", directory, directory)
            answer = await self.call(worker, op, params, body)
            if answer is not None:
                if answer.status >= 400:
                    raise ApiError(answer.status, msgspec.json.decode(answer.body, type=dict), answer.headers)
                return answer
        raise unavailable(f"the worker of {directory} ended unexpectedly, twice")

    def directories(self) -> list[str]:
        return sorted({worker.spec.directory for worker in self._workers.values()})

    def live(self) -> list[Worker]:
        return list(self._workers.values())

    async def refresh_credentials(self) -> None:
        """Directory workers list providers by what is stored: they ask anew."""
        for (kind, _), worker in list(self._workers.items()):
            if kind == "project" and worker.serving:
                await worker.call("worker.refresh", {}, b"", deadline_s=5)

    # --- ending ---------------------------------------------------------------------------------------------------

    async def abort(self, session: Session) -> Receipt:
        """Stops the turn of a session and of all its subagents. When it returns none of their processes exists."""
        for child in self._books.children(session):
            if self._books.busy(child.id):
                await self.abort(child)
        worker = self._workers.get(("session", session.id))
        if worker is None or worker.gone.is_set():
            return Receipt.nothing_to_do(session.id)
        await worker.settled.wait()
        receipt = await abort_worker(worker, session.id)
        self._books.aborted(session, receipt)
        return receipt

    async def end_session(self, session_id: str) -> None:
        """Kills the session's worker, whatever it does, and removes its scratch directory."""
        await self._end(("session", session_id))
        await trio.to_thread.run_sync(lambda: shutil.rmtree(self._scratch("session", session_id), ignore_errors=True))

    async def end_directory(self, directory: str) -> None:
        """Aborts the turns of a directory, then ends its project worker and idle sessions' workers."""
        for (kind, name), worker in list(self._workers.items()):
            if worker.spec.directory == directory:
                if kind == "session" and self._books.busy(name):
                    await self.abort(self._books.find(name))
                await self._end((kind, name))

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

    async def _start(self, key: Key, directory: str) -> Worker:
        if self._closing or self._nursery is None:
            raise unavailable("the service is stopping")
        worker = self._workers[key] = Worker(self._spec(key, directory), self._books, self._context)
        self._nursery.start_soon(self._live, key, worker)
        return worker

    def _spec(self, key: Key, directory: str) -> WorkerSpec:
        kind, name = key
        scratch = self._scratch(kind, name)
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        socket = self._settings.worker_endpoints / f"{random_text(12)}.sock"
        return WorkerSpec(
            kind=kind,
            name=name,
            directory=directory,
            endpoint=f"ipc://{socket}",
            scratch=str(scratch),
            writable=[directory] if kind == "session" else [],
            log_level=self._settings.log_level,
        )

    def _scratch(self, kind: WorkerKind, name: str) -> Path:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]  # a directory's path can't be a file's name
        return self._settings.scratch / (name if kind == "session" else f"project-{digest}")

    async def _live(self, key: Key, worker: Worker) -> None:
        delay = self._budget.delay(key[1], trio.current_time())
        try:
            if delay is None:
                text = f"The worker of {key[1]} failed too often; try again later"
                raise named(503, "SessionFailedError", message=text)
            await trio.sleep(delay)
            worker.child = await self._spawner.spawn(worker.spec)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(worker.run_link)
                worker.exit_status = await self._wait(worker)
                nursery.cancel_scope.cancel()
        except SpawnFailed as error:
            worker.failure = unavailable(f"no worker for {key[1]} could be started: {error}")
            _log.error("spawn failed", worker=key[1], error=str(error))
        except ApiError as error:
            worker.failure = error
        finally:
            with trio.CancelScope(shield=True):
                await self._reap(key, worker)

    async def _wait(self, worker: Worker) -> int:
        child = worker.child
        assert child is not None
        try:
            return await child.wait()
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                worker.kill()
                await child.wait()
            raise

    async def _reap(self, key: Key, worker: Worker) -> None:
        crashed = worker.child is not None and not worker.expected_end
        worker.lose()
        if crashed:
            self._budget.note_exit(key[1], trio.current_time())
            _log.warning("worker ended unexpectedly", worker=key[1], status=worker.exit_status)
        Path(worker.spec.endpoint.removeprefix("ipc://")).unlink(missing_ok=True)
        await self._books.worker_ended(worker, unexpected=crashed)
        if self._workers.get(key) is worker:
            del self._workers[key]
        worker.gone.set()

    async def _sweep(self) -> None:
        """Puts idle workers away. A turn, a call or an open ask is work; a listening client is not."""
        while True:
            await trio.sleep(_SWEEP_S)
            limit = trio.current_time() - self._settings.idle_worker_s
            for (kind, name), worker in list(self._workers.items()):
                idle = not worker.calls and worker.last_used < limit
                if worker.serving and idle and not (kind == "session" and self._books.busy(name)):
                    await worker.drain(_DRAIN_S)
