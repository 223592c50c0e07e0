"""A daemon in this process, with workers that are tasks and speak the real link."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio
import zmq
from books import Books
from fake_spawner import FakeChild
from records import a_session, a_text, a_tool, a_user, an_answer, of_message, of_part

from oad.contract.session import Session
from oad.contract.wire import PROTOCOL_VERSION, Call, Drain, Event, Frame, Hello
from oad.contract.worker import WorkerSpec
from oad.daemon.audit.log import AuditLog
from oad.daemon.confinement import Confiner
from oad.daemon.credentials import Credentials
from oad.daemon.dispatch import Dispatcher
from oad.daemon.draining import Draining
from oad.daemon.listeners import Listeners
from oad.daemon.operations.context import Services
from oad.daemon.register import Register
from oad.daemon.restart import RestartBudget
from oad.daemon.sandbox_probe import Enforceable
from oad.daemon.sandboxes import Sandboxes
from oad.daemon.settings import DaemonSettings
from oad.daemon.spawn import SpawnFailed
from oad.daemon.storage import Storage
from oad.daemon.store_upkeep import StoreUpkeep
from oad.daemon.supervisor import Supervisor
from oad.daemon.turnstile.opening import open_turnstile
from oad.daemon.worktrees import Worktrees
from oad.link import Answer, Peer, TrioSocket

Operation = Callable[["LinkWorker", Call, bytes], Awaitable[Answer]]


class LinkWorker(FakeChild):
    """Operations: ``session.prompt`` begins a turn and waits for ``finish``, ``worker.abort`` ends it; a test may put
    its own into ``operations``."""

    def __init__(self, spec: WorkerSpec, number: int, spawner: "LinkSpawner") -> None:
        super().__init__(spec, number)
        self.finish = trio.Event()
        self.prompted = trio.Event()
        self.greeted = trio.Event()
        self.calls: list[str] = []
        self.drained = False
        self._spawner = spawner
        self._raw = spawner.context.socket(zmq.DEALER)
        self._raw.linger = 0
        self._raw.connect(spec.endpoint)
        self.peer = Peer(TrioSocket(self._raw), handler=self._serve, on_frame=self._on_frame)
        self.operations: dict[str, Operation] = {
            "session.prompt": prompt,
            "worker.abort": abort,
            "project.resolve": resolve,
            "worker.refresh": nothing,
            **spawner.operations,
        }

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.peer.run)
            if self._spawner.greets:
                await self.peer.send(Hello(PROTOCOL_VERSION, self.spec.kind, self.spec.name, 1))
                self.greeted.set()
            await self._ended.wait()
            nursery.cancel_scope.cancel()
        self.peer.close()

    async def say(self, type: str, properties: Any, *, durable: bool = True, session: str | None = None) -> None:
        body = properties if isinstance(properties, bytes) else msgspec.json.encode(properties)
        own = self.spec.name if self.spec.kind == "session" else ""
        await self.peer.send(Event(type, own if session is None else session, durable), body)

    async def status(self, type: str) -> None:
        await self.say("session.status", {"sessionID": self.spec.name, "status": {"type": type}})

    async def _serve(self, call: Call, body: bytes) -> Answer:
        self.calls.append(call.op)
        return await self.operations[call.op](self, call, body)

    async def _on_frame(self, frame: Frame, body: bytes) -> None:
        assert isinstance(frame, Drain)
        self.drained = True
        if self._spawner.obeys_drain:
            self.exit(0)
        await trio.lowlevel.checkpoint()


async def prompt(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    """A turn with an answer that has an open text and a running tool."""
    name = worker.spec.name
    await worker.status("busy")
    await worker.say("message.updated", of_message(a_user("msg_1", name)))
    await worker.say("message.updated", of_message(an_answer("msg_2", name)))
    await worker.say("message.part.updated", of_part(a_text("prt_1", session=name)))
    await worker.say("message.part.updated", of_part(a_tool("prt_2", "pending", session=name)))
    worker.prompted.set()
    await worker.finish.wait()
    await close_turn(worker)
    return Answer(b'"answered"')


async def close_turn(worker: LinkWorker) -> None:
    name = worker.spec.name
    await worker.say("message.part.updated", of_part(a_text("prt_1", text="done", end=2, session=name)))
    await worker.say("message.part.updated", of_part(a_tool("prt_2", "completed", session=name)))
    await worker.say("message.updated", of_message(an_answer("msg_2", name, completed=3)))
    await worker.status("idle")


async def abort(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    if worker.prompted.is_set() and not worker.finish.is_set():
        worker.finish.set()
        await close_turn(worker)
    return Answer(b'{"killed":2}')


async def wedged(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.sleep_forever()
    raise AssertionError


async def resolve(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    return Answer(b'{"id":"global","worktree":"/","path":""}')


async def nothing(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    return Answer(b"true")


class LinkSpawner:
    """``gate``: spawns wait for it. ``failures``: how many of the next spawns fail."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", nursery: trio.Nursery) -> None:
        self.context = context
        self.children: list[LinkWorker] = []
        self.operations: dict[str, Operation] = {}
        self.failures = 0
        self.recycled = 0
        self.greets = self.obeys_drain = True
        self.gate = trio.Event()
        self.gate.set()
        self._nursery = nursery

    async def spawn(self, spec: WorkerSpec) -> LinkWorker:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise SpawnFailed("asked to fail")
        child = LinkWorker(spec, 1000 + 10 * len(self.children), self)
        self.children.append(child)
        self._nursery.start_soon(child.run)
        return child

    def recycle(self) -> None:
        self.recycled += 1

    def of(self, session: str) -> LinkWorker:
        """The newest worker of a name."""
        return next(child for child in reversed(self.children) if child.spec.name == session)


ALL_ENFORCEABLE = Enforceable()


class Live(Books):
    """Books, a supervisor and a dispatcher. ``ask`` is what a gateway's call would be."""

    def __init__(
        self, path: Path, nursery: trio.Nursery, *, enforceable: Enforceable = ALL_ENFORCEABLE, **settings: Any
    ) -> None:
        super().__init__(path)
        self.free_mb = 10_000.0
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.spawner = LinkSpawner(self.context, nursery)
        self.settings = DaemonSettings(data=path / "data", runtime=path / "run", **settings)
        self.settings.worker_endpoints.mkdir(parents=True)
        confiner = Confiner(self.settings.policy, self.settings.private, worktrees=self.settings.worktrees)
        self.sandboxes = Sandboxes(confiner, enforceable, self.store, self.journal)
        self.listeners = Listeners()
        self.supervisor = Supervisor(
            self.settings, self.spawner, self.context, RestartBudget(), self.keeper, self.sandboxes, self.listeners
        )
        self.credentials = Credentials(path / "auth.json")
        self.services = Services(
            self.store,
            self.journal,
            self.sessions,
            self.turns,
            self.asks,
            self.credentials,
            Credentials(path / "mcp-auth.json"),
            self.supervisor,
            self.sandboxes,
            self.keeper.limits,
            {},
            AuditLog(None),
            Worktrees(self.settings.worktrees),
            open_turnstile(
                self.supervisor, self.sessions, self.turns, self.journal, self.keeper.limits, lambda: self.free_mb
            ),
            Register(path / "admission.db"),
            StoreUpkeep(self.settings, self.store),
            Storage(self.settings, self.store, self.journal, self.supervisor, self.sessions, self.turns),
            draining=Draining(self.settings.drain_s),
        )
        self.dispatcher = Dispatcher(self.services)
        self.keeper.dispatch = self.dispatcher.for_worker

    async def session(self, id: str = "ses_a", **fields: Any) -> Session:
        session = self.sessions.save(a_session(id, **fields), created=True)
        await self.journal.settled()
        return session

    async def ask(self, op: str, body: Any = None, **params: str) -> Answer:
        """Raises ApiError."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body) if body is not None else b""
        answer = await self.dispatcher.for_gateway(Call(1, op, {"directory": "/p", **params}), content)
        await self.journal.caught_up()
        return answer

    async def json(self, op: str, body: Any = None, **params: str) -> Any:
        return msgspec.json.decode((await self.ask(op, body, **params)).body)

    async def begin(self, nursery: trio.Nursery, session: str = "ses_a") -> tuple[LinkWorker, list[Answer]]:
        """A session in the middle of a turn; the list gets the prompt's answer."""
        answers: list[Answer] = []

        async def run() -> None:
            answers.append(await self.ask("session.prompt", {}, sessionID=session))

        nursery.start_soon(run)
        await until(lambda: any(c.spec.name == session and c.prompted.is_set() for c in self.spawner.children))
        await until(lambda: bool(self.store.parts(session)))
        return self.spawner.of(session), answers

    def open_things(self) -> list[str]:
        return [*self.store.open_sessions(), *self.turns.statuses]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await trio.testing.wait_all_tasks_blocked(0.001)


@asynccontextmanager
async def live_daemon(path: Path, *, limit_s: float = 20, **settings: Any) -> AsyncGenerator[Live]:
    live: Live | None = None
    try:
        with trio.fail_after(limit_s):
            async with trio.open_nursery() as nursery:
                async with trio.open_nursery() as workers:
                    live = Live(path, workers, **settings)
                    nursery.start_soon(live.journal.run)
                    async with trio.open_nursery() as serving:
                        serving.start_soon(live.supervisor.run)
                        serving.start_soon(live.services.chores.run)
                        serving.start_soon(live.services.turnstile.run)
                        await trio.testing.wait_all_tasks_blocked()
                        yield live
                        serving.cancel_scope.cancel()
                    workers.cancel_scope.cancel()
                nursery.cancel_scope.cancel()
    finally:
        if live is not None:
            live.context.destroy(linger=0)
            live.store.close()
            live.services.register.close()
