"""What each kind of worker does: its operations, and what an abort means to it."""

from typing import Any, Protocol

import msgspec
import trio

from oad.contract.worker import WorkerSpec

from .broker import BrokerExec
from .config.project import ProjectSetup
from .egress import Egress
from .link import Answer, Link
from .project.handler import ProjectHandler
from .providers.registry import Registry
from .scene import ProjectSurroundings, Registries
from .session.worker import SessionWorker
from .tools.table import TOOLS, describe


class Kind(Protocol):
    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serves until cancelled."""
        ...

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Raises ApiError."""
        ...

    def abort(self, reason: str) -> None:
        """Stops what is under way; has no checkpoint."""
        ...


class ProjectKind:
    """Answers what is asked of a directory."""

    def __init__(self, spec: WorkerSpec, broker: BrokerExec, link: Link) -> None:
        self._link = link
        self._credentials: dict[str, Any] = {}
        self._registries = Registries()
        self._handler = ProjectHandler(
            spec.directory, exec=broker, providers=self._providers, tools=lambda: describe(list(TOOLS), {})
        )

    def _providers(self, setup: ProjectSetup) -> Registry:
        return self._registries.of(setup, self._credentials)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self._refresh()
        task_status.started()
        await trio.sleep_forever()

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        if op == "worker.refresh":
            await self._refresh()
            return Answer(b"true")
        return await self._handler.handle(op, params, body)

    async def _refresh(self) -> None:
        self._credentials = msgspec.json.decode(await self._link.call("daemon.credentials", {}), type=dict)

    def abort(self, reason: str) -> None:
        """Nothing of a directory's worker belongs to a turn."""


class SessionKind:
    """The prompt loop, and what an abort of it took."""

    def __init__(self, spec: WorkerSpec, broker: BrokerExec, link: Link) -> None:
        self._broker = broker
        self._session = SessionWorker(link, broker, spec, ProjectSurroundings(readable=(spec.scratch,)))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self._session.run(task_status=task_status)

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        before = self._broker.killed
        answer = await self._session.handle(op, params, body)
        if op == "worker.abort":
            return Answer(msgspec.json.encode({"killed": self._broker.killed - before}))
        return answer

    def abort(self, reason: str) -> None:
        self._session.abort(reason)


def make_kind(spec: WorkerSpec, broker_fd: int, link: Link) -> Kind:
    broker = BrokerExec(broker_fd, Egress.of(spec))
    if spec.kind == "project":
        return ProjectKind(spec, broker, link)
    return SessionKind(spec, broker, link)
