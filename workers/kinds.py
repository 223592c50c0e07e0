"""What each kind of worker does: its operations, and what an abort means to it."""

from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import trio

from oad.contract.limits import LimitHit, reached
from oad.contract.sandbox import common_temporary
from oad.contract.worker import WorkerSpec

from .audit import Audit, make_audit
from .audited_exec import AuditedExec
from .broker import BrokerExec
from .config.complaints import Complaints
from .config.project import ProjectSetup, load
from .config.remote import Remote
from .egress import Egress
from .environment import Keys, take_keys
from .exec import Exec
from .jobs.table import Jobs
from .link import Answer, Link
from .lsp.operations import LanguageOperations
from .lsp.world import make_servers
from .mcp.project import ProjectMcp
from .models import follow_catalogue
from .project.handler import ProjectHandler
from .project.moving import Moving
from .project.worktrees import Worktrees
from .providers.registry import Registry
from .pty.kind import PtyKind
from .redacted_exec import RedactedExec
from .scene import ProjectSurroundings, Registries
from .session.mcp import borrow
from .session.orders import LimitOrder
from .session.worker import SessionWorker
from .snapshots.keeper import Snapshots
from .snapshots.store import SnapshotStore
from .tools.table import TOOLS, describe
from .watching.attention import Attention

_GRACE_S: Final = 0.2  # what the signal means; the call that follows it names its own


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


async def ask_keys(link: Link, provider: str = "") -> Keys:
    """What models are reached with; the access token of ``provider`` is renewed before, if need be."""
    parameters = {"provider": provider} if provider else {}
    keys = msgspec.json.decode(await link.call("daemon.credentials", parameters), type=Keys)
    await follow_catalogue(link, keys.models)
    return keys


class ProjectKind:
    """Answers what is asked of a directory."""

    def __init__(self, spec: WorkerSpec, broker: BrokerExec, exec: Exec, link: Link, audit: Audit) -> None:
        self._allowance = broker.allowance
        self._link = link
        self._worktrees = Worktrees(exec, spec.shell, audit)
        self._moving = Moving(exec, common_temporary(spec.confinement))
        self._credentials: dict[str, Any] = {}
        self._registries = Registries()
        self._complaints = Complaints(spec.directory)
        self._language_servers = make_servers(spec, exec, link)
        self._languages = LanguageOperations(self._language_servers)
        self._attention = Attention(spec.directory, link, lambda: load(spec.directory))
        self._handler = ProjectHandler(
            spec.directory,
            exec=exec,
            providers=self._providers,
            tools=lambda: describe(list(TOOLS), {}),
            temporary=common_temporary(spec.confinement),
            shell=spec.shell,
            remote=Remote(Egress.of(spec), Path(spec.scratch) / "skills"),
        )
        self._mcp = ProjectMcp(spec, exec, link)

    def _providers(self, setup: ProjectSetup) -> Registry:
        with self._complaints.about_failures():
            registry = self._registries.of(setup, self._credentials)
        self._complaints.tell(registry.warnings)
        return registry

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self._refresh()
        async with trio.open_nursery() as nursery:
            await nursery.start(self._language_servers.run)
            await nursery.start(partial(self._mcp.run))
            task_status.started()
            await self._attention.run()

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        if op == "worker.refresh":
            await self._refresh()
            return Answer(b"true")
        if op == "worker.limit":
            self._note_limit(msgspec.json.decode(body, type=LimitOrder))
            return Answer(b"true")
        if self._worktrees.serves(op):
            return await self._worktrees.handle(op, params, body)
        if self._languages.serves(op):
            return await self._languages.handle(op, params, body)
        if self._moving.serves(op):
            return await self._moving.handle(op, params, body)
        if self._mcp.serves(op):
            return await self._mcp.handle(op, params, body)
        return await self._mcp.extend(op, await self._handler.handle(op, params, body))

    def _note_limit(self, order: LimitOrder) -> None:
        """A server that takes too much is about to be ended: whoever speaks with it learns why."""
        if order.call is not None:
            self._allowance.stopped(order.call, order.hit)

    async def _refresh(self) -> None:
        keys = await ask_keys(self._link)
        take_keys(keys)
        self._credentials = keys.credentials

    def abort(self, reason: str) -> None:
        """Nothing of a directory's worker belongs to a turn."""


class SessionKind:
    """The prompt loop, and what an abort of it took."""

    def __init__(self, spec: WorkerSpec, broker: BrokerExec, exec: Exec, link: Link, audit: Audit) -> None:
        async def report(hit: LimitHit) -> None:
            await link.publish("session.limit", reached(spec.name, hit))

        self._broker = broker
        broker.allowance.report = report
        self._jobs = Jobs(broker, link, spec.name, Path(spec.scratch) / "jobs")
        broker.keeper = self._jobs
        remote = Remote(Egress.of(spec), Path(spec.scratch) / "skills")
        surroundings = ProjectSurroundings(
            (spec.scratch,), partial(ask_keys, link), partial(borrow, link), spec.shell, remote
        )
        self._session = SessionWorker(
            link,
            exec,
            spec,
            surroundings,
            allowance=broker.allowance,
            audit=audit,
            snapshots=make_snapshots(AuditedExec(broker, audit, spec.confinement), spec),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self._jobs.run)
            await self._session.run(task_status=task_status)

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        if self._jobs.serves(op):
            return await self._jobs.handle(op, params, body)
        if op == "worker.abort":
            return await self._abort(params, body)
        return await self._session.handle(op, params, body)

    async def _abort(self, params: dict[str, str], body: bytes) -> Answer:
        """Ends the turn and, side by side with it, what earlier calls have left running."""
        grace_s, keep = float(params.get("grace", _GRACE_S)), params.get("keep") == "true"
        killed, survivors = self._broker.killed, self._broker.survivors
        self._broker.set_abort_grace(grace_s)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(self._jobs.end_all, grace_s, keep_all=keep))
                await self._session.handle("worker.abort", params, body)
        finally:
            self._broker.clear_abort_grace()
        # Again: until it was stopped the turn may have left more.
        await self._jobs.end_all(grace_s, keep_all=keep)
        counts = {"killed": self._broker.killed - killed, "survivors": self._broker.survivors - survivors}
        return Answer(msgspec.json.encode(counts))

    def abort(self, reason: str) -> None:
        self._broker.set_abort_grace(_GRACE_S)
        self._session.abort(reason)


def make_snapshots(exec: Exec, spec: WorkerSpec) -> Snapshots:
    """``exec`` conceals nothing: files are kept as they are, secrets and all, where only oad can see them."""
    place = spec.snapshots
    return Snapshots(None if place.problem else SnapshotStore(exec, place, spec.name), place.problem)


def make_kind(spec: WorkerSpec, broker_fd: int, link: Link) -> Kind:
    broker = BrokerExec(broker_fd, egress=Egress.of(spec))
    audit = make_audit(link, spec.audit)
    exec = AuditedExec(RedactedExec(broker), audit, spec.confinement)
    if spec.kind == "project":
        return ProjectKind(spec, broker, exec, link, audit)
    if spec.kind == "pty":
        return PtyKind(spec, broker, exec, link, audit)
    return SessionKind(spec, broker, exec, link, audit)
