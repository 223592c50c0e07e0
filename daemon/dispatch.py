"""Who answers a call: the daemon itself, the session's worker, or the directory's worker."""

import contextlib
from collections.abc import Mapping
from typing import Final

import msgspec
import trio

from oad.contract.errors import ApiError, named
from oad.contract.redact import KNOWN
from oad.contract.wire import Call, Origin
from oad.link import Answer

from .audit.log import SERVICE as BY_SERVICE
from .audit.logins import Logins
from .audit.recording import record_request
from .audit.reports import read_report, write_report
from .audit.requests import is_recorded
from .bridge import start_prompt, starts_prompt
from .operations.answers import ANSWERS
from .operations.configuration import CONFIGURATION
from .operations.context import TRUE, Operation, Request, Services, json_answer
from .operations.copies import COPIES
from .operations.experimental import EXPERIMENTAL
from .operations.jobs import JOBS
from .operations.mcp import FOR_PROJECTS, FOR_SESSIONS
from .operations.messages import MESSAGES
from .operations.metrics import METRICS
from .operations.moving import MOVING
from .operations.processes import PROCESSES
from .operations.projects import PROJECTS
from .operations.provider_auth import PROVIDER_AUTH
from .operations.replay import REPLAY
from .operations.service import SERVICE
from .operations.session_files import SESSION_FILES
from .operations.sessions import SESSIONS
from .operations.shares import SHARES
from .operations.sync import SYNC
from .operations.terminals import TERMINALS, admit, attach
from .operations.tui import TUI
from .operations.upkeep import UPKEEP
from .operations.v2 import V2
from .operations.workers import WORKERS
from .operations.worktrees import WORKTREES
from .relay import Relay
from .session_work import SESSION_WORK, Work, carry_out
from .storage import needs_store
from .turnstile.rates import Rates
from .worker import Worker

OWN: Final[Mapping[str, Operation]] = {
    **SESSIONS,
    **MESSAGES,
    **PROJECTS,
    **ANSWERS,
    **JOBS,
    **REPLAY,
    **SERVICE,
    **METRICS,
    **PROCESSES,
    **UPKEEP,
    **TERMINALS,
    **CONFIGURATION,
    **PROVIDER_AUTH,
    **SYNC,
    **TUI,
    **V2,
    **WORKTREES,
    **SHARES,
    **SESSION_FILES,
    **COPIES,
    **EXPERIMENTAL,
    **MOVING,
}

_TERMINALS: Final = frozenset({"pty.create", "v2.pty.create"})
_OF_PROJECTS: Final = frozenset({"daemon.credentials", "daemon.listening", "daemon.models"})

# What a session's worker may ask besides WORKERS, and only of the sessions below its own.
_OF_CHILDREN: Final = frozenset({"session.prompt", "session.abort", "session.get", "session.messages"})
_READS_OF_CHILDREN: Final = frozenset({"session.get", "session.messages"})


# Halfway through these a session would be neither stopped nor running, neither there nor gone, a patch half applied.
_TO_THE_END: Final = frozenset(
    {
        "session.abort",
        "session.delete",
        "session.import",
        "job.stop",
        "oad.sweep",
        "instance.dispose",
        "global.dispose",
        "vcs.apply",
        "project.initGit",
        "pty.create",
        "pty.remove",
        "v2.pty.create",
        "v2.pty.remove",
        "config.update",
        "global.config.update",
        "worktree.create",
        "worktree.remove",
        "worktree.reset",
        "v2.projectCopy.create",
        "v2.projectCopy.remove",
        "experimental.controlPlane.moveSession",
    }
)

_FROM_WORKER: Final = "CALL"  # in place of the HTTP method, which gateways report


def is_lasting(op: str) -> bool:
    """Work on a session, and its end, go on although the client that began it has left."""
    return op in SESSION_WORK or op in _TO_THE_END


class Dispatcher:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._rates = Rates()
        self._logins = Logins(services.audit, trio.current_time)

    async def for_gateway(self, call: Call, body: bytes) -> Answer:
        """Raises ApiError."""
        if call.op == "oad.login":
            self._logins.report(call.params, call.origin or BY_SERVICE)
            return TRUE
        self._take(call)
        await self._services.storage.prepare(call)
        try:
            if is_recorded(call):
                return await record_request(self._services.audit, call, body, self._carry_out)
            return await self._carry_out(call, body)
        except OSError as error:
            self._services.storage.explain(error)
            raise

    def _take(self, call: Call) -> None:
        """Raises ApiError 429 for a client that asks too often; what the gateway asks for itself is free."""
        origin, limits = call.origin, self._services.limits
        if origin is None or origin.session:
            return
        if refused := self._rates.take(origin.user, self._services.supervisor.policy.admission, trio.current_time()):
            obstacle, wait_s = refused
            raise limits.refuse(obstacle.limit, obstacle.value, obstacle.used, retry_after_s=wait_s)

    async def _carry_out(self, call: Call, body: bytes) -> Answer:
        if starts_prompt(call, body, self._services.listeners, self._services.controls):
            return await start_prompt(call, body, self.for_gateway)
        if (call.op in SESSION_WORK or call.op in _TERMINALS) and not _is_of_worker(call):
            self._services.draining.check()  # not for subagents: they belong to a turn that may end
        if needs_store(call):
            self._services.storage.check()
        origin = call.origin or BY_SERVICE
        if call.op in OWN:
            request = Request(
                call.op, call.params, body, self._services, who=origin.who, user=origin.user, outer=origin.outer
            )
            return await OWN[call.op](request)
        if call.op in SESSION_WORK:
            work = Work(call.op, call.params, body, origin.user, guest=bool(origin.session))
            return await carry_out(self._services, work)
        return await self._services.supervisor.call_project(call.params["directory"], call.op, call.params, body)

    async def for_stream(self, call: Call, relay: Relay) -> Answer:
        """A client connects to a terminal. Raises ApiError."""

        async def carry(call: Call, body: bytes) -> Answer:
            return await attach(self._services, call, relay)

        admitted = admit(self._services, call)
        return await record_request(self._services.audit, admitted, b"", carry)

    async def for_worker(self, worker: Worker, call: Call, body: bytes) -> Answer:
        """Raises ApiError; 403 for what a worker has no business with."""
        name = worker.spec.name
        if call.op == "daemon.audit":
            write_report(self._services.audit, worker.spec.kind, name, read_report(body))
            await self._services.audit.secured()
            return TRUE
        if worker.spec.kind == "pty":
            if call.op != "daemon.credentials":
                raise _forbidden(call.op)
            return json_answer({"secrets": KNOWN.texts})  # it needs no keys, and must show none
        if worker.spec.kind == "project":
            operation = WORKERS[call.op] if call.op in _OF_PROJECTS else FOR_PROJECTS.get(call.op)
            if operation is None:
                raise _forbidden(call.op)
            return await operation(Request(call.op, call.params, body, self._services, caller=name))
        if operation := WORKERS.get(call.op) or FOR_SESSIONS.get(call.op):
            return await operation(Request(call.op, call.params, body, self._services, caller=name))
        method = "GET" if call.op in _READS_OF_CHILDREN else _FROM_WORKER
        origin = Origin(f"session:{name}", method=method, session=name)
        call = msgspec.structs.replace(call, origin=origin)  # whatever it says itself
        if call.op == "session.create":
            return await record_request(self._services.audit, call, body, self._carry_out_for_worker, name)
        if call.op not in _OF_CHILDREN or not self._is_below(call.params.get("sessionID", ""), name):
            raise _forbidden(call.op)
        if call.op == "session.abort":  # as hard as its own session is being aborted, if it is
            call = msgspec.structs.replace(call, params={"sessionID": call.params["sessionID"]})
            return await record_request(self._services.audit, call, body, self._carry_out_for_worker)
        return await self.for_gateway(call, body)

    async def _carry_out_for_worker(self, call: Call, body: bytes) -> Answer:
        if needs_store(call):
            self._services.storage.check()
        caller = (call.origin or BY_SERVICE).who.removeprefix("session:")
        return await OWN[call.op](Request(call.op, call.params, body, self._services, caller=caller))

    def _is_below(self, session: str, ancestor: str) -> bool:
        seen: set[str] = set()
        with contextlib.suppress(ApiError):
            while session not in seen:
                seen.add(session)
                parent = self._services.sessions.find(session).parent_id
                if parent == ancestor:
                    return True
                session = parent or ""
        return False


def _is_of_worker(call: Call) -> bool:
    return call.origin is not None and bool(call.origin.session)


def _forbidden(op: str) -> ApiError:
    return named(403, "ForbiddenError", message=f"a worker may not call {op}")
