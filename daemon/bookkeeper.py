"""What the daemon writes down of what workers say, and of how they end: events, closed turns, dropped asks."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from oad.contract.errors import ApiError
from oad.contract.ids import now_ms
from oad.contract.limit_text import limit_error
from oad.contract.limits import LimitHit
from oad.contract.message import NamedError
from oad.contract.policy import LimitPolicy
from oad.contract.session import Session
from oad.contract.terminal import PtyExited
from oad.contract.wire import Call, Event, ProtocolError
from oad.contract.worker import AuditMode
from oad.link import Answer

from .abort import Receipt
from .admission import check_event
from .asks import Asks
from .audit.log import SERVICE, AuditLog
from .audit.reports import EVENT, read_report, write_report
from .closing import aborted, crashed
from .file_news import TYPE as FILE_CHANGED
from .file_news import FileNews
from .job_book import JobBook
from .journal import Journal, Place
from .lifecycle import State
from .limits import Limits
from .sessions import SessionPatched, Sessions, place_of
from .store import Store
from .tally import Tally
from .terminals import Terminals
from .tracing.tracer import NoTracer, Tracer
from .turns import Turns
from .worker import Worker

_log = structlog.get_logger("oad.books")

_INTERRUPTED: Final = "Interrupted by a restart of the service"

Dispatch = Callable[[Worker, Call, bytes], Awaitable[Answer]]


class Bookkeeper:
    """The observer of all workers. ``dispatch`` answers what they ask; it is set once all services exist. ``retire`` is
    told of terminals whose program has ended."""

    dispatch: Dispatch
    retire: Callable[[Worker], None]

    def __init__(
        self,
        store: Store,
        journal: Journal,
        sessions: Sessions,
        turns: Turns,
        asks: Asks,
        limits: Limits | None = None,
        audit: AuditLog | None = None,
    ) -> None:
        self.limits = limits or Limits(LimitPolicy(), sessions, store, journal)
        self._audit = audit or AuditLog(None)
        self._store = store
        self._journal = journal
        self._sessions = sessions
        self._turns = turns
        self._asks = asks
        self._file_news = FileNews()
        self.jobs = JobBook()
        self.tally = Tally()
        self.tracer: Tracer = NoTracer()
        self.terminals = Terminals(journal)

    # --- what workers say -----------------------------------------------------------------------------------------

    async def on_call(self, worker: Worker, call: Call, body: bytes) -> Answer:
        return await self.dispatch(worker, call, body)

    async def on_event(self, worker: Worker, event: Event, body: bytes) -> None:
        """Raises ProtocolError for what this worker may not say: it then loses its link, and with it its life."""
        await self._journal.room()
        if worker.leaving and worker.life.state is not State.DRAINING:
            return  # what a killed worker had still in the pipe must not follow the closing of its turn
        check_event(worker.spec.kind, worker.spec.name, event, body)
        if event.type == EVENT:
            self._write_down(worker, body)
            return
        try:
            self._note(worker, event, body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProtocolError(f"{event.type} of {worker.spec.name}: {error}") from error
        except ApiError as error:  # the session was deleted while its worker still spoke
            _log.info("event dropped", type=event.type, session=event.session, status=error.status)

    def _write_down(self, worker: Worker, body: bytes) -> None:
        report = read_report(body)
        with contextlib.suppress(ApiError):  # what must be recorded before it is done comes as a call
            write_report(self._audit, worker.spec.kind, worker.spec.name, report)

    def _note(self, worker: Worker, event: Event, body: bytes) -> None:
        if worker.spec.kind == "pty":
            self.terminals.exited(worker.spec.name, msgspec.json.decode(body, type=PtyExited).exit_code)
            self.retire(worker)
            return
        place = self._place(worker, event)
        if event.type == "session.patched":
            changed = msgspec.json.decode(body, type=SessionPatched)
            changed.session_id = place.session
            session = self._sessions.merge(changed, now_ms())
            self.limits.note_usage(session, changed.usage, changed.output)
            if changed.usage is not None:
                self.tally.note_usage(changed.usage.cost, changed.usage.tokens)
            return
        if event.type == "session.limit":
            self.limits.count(place.session, msgspec.json.decode(body, type=LimitHit))
        if place.session:
            self._turns.observe(event.type, place.session, body, durable=event.durable)
            self.jobs.observe(event.type, place.session, body)
        news: bytes | None = body
        if event.type == FILE_CHANGED:
            news = self._file_news.of_tool(body) if place.session else self._file_news.of_watcher(body)
        if news is not None:
            self._journal.append(event.type, news, place, durable=event.durable)

    def _place(self, worker: Worker, event: Event) -> Place:
        if worker.spec.kind == "session":
            return place_of(self._sessions.find(event.session))
        return Place(directory=worker.spec.directory)

    # --- how they end ---------------------------------------------------------------------------------------------

    def worker_begins(self, worker: Worker) -> None:
        self._audit_worker("worker.started", worker)

    def _audit_worker(self, action: str, worker: Worker, **fields: object) -> None:
        spec = worker.spec
        session = spec.name if spec.kind == "session" else ""
        self._audit.note(action, SERVICE, session, kind=spec.kind, directory=spec.directory, **fields)

    def on_serving(self, worker: Worker, took_s: float) -> None:
        self.tally.note_spawn(worker.spec.kind, took_s)

    async def worker_ended(self, worker: Worker) -> None:
        """Closes what is open: the asks it waits for, and the turn it was in."""
        end = worker.life.end
        if worker.life.abnormal:
            self.tally.restarts[f"{worker.spec.kind}-worker"] += 1
        self._audit_worker("worker.ended", worker, reason=end.value if end else "", status=worker.life.status)
        if worker.spec.kind == "pty":
            self.limits.forget(worker.spec.name)
            self.terminals.lost(worker.spec.name)
        if worker.spec.kind != "session":
            return
        self._asks.drop(worker.spec.name)
        self._close_jobs(worker.spec.name)
        if await self._journal.caught_up() is None:
            self._close_turn(worker)
            await self._journal.caught_up()
        else:  # once that is written from which can be seen what is open
            self._journal.then(lambda: self._close_turn(worker))
        self.tracer.worker_ended(worker.spec.name)

    def _close_turn(self, worker: Worker) -> None:
        if not self._sessions.exists(worker.spec.name):
            return
        text = f"The session's worker ended unexpectedly (status {worker.life.status}); the turn was interrupted"
        error = crashed(text) if worker.life.abnormal else aborted()
        if isinstance(hit := worker.facts.get("limit"), LimitHit):
            error = limit_error(hit)
        if isinstance(verdict := worker.facts.get("verdict"), NamedError):
            error = verdict
        self._turns.close(self._sessions.find(worker.spec.name), error)

    def _close_jobs(self, session: str) -> None:
        for id in self.jobs.close(session):
            if self._sessions.exists(session):
                properties = {"sessionID": session, "jobID": id, "reason": "session", "killed": 0}
                self._journal.append("job.ended", properties, place_of(self._sessions.find(session)))

    def aborted(self, session: Session, receipt: Receipt) -> None:
        """Writes the receipt down, in the journal and in the log."""
        self._asks.drop(session.id)
        self._journal.append("oad.session.aborted", receipt, place_of(session))
        log = _log.error if receipt.survivors else _log.info
        log("aborted", receipt=msgspec.to_builtins(receipt))

    async def recover(self) -> int:
        """After a start: closes every turn that the last daemon could not. Returns how many there were."""
        told = self._store.busy_sessions()  # between two messages of a turn nothing else is open
        ids = {*self._store.open_sessions(), *told}
        for id in ids:
            if self._sessions.exists(id):
                self._turns.close(self._sessions.find(id), interrupted(), told_busy=id in told)
        await self._journal.caught_up()
        return len(ids)

    @property
    def audit_mode(self) -> AuditMode:
        return self._audit.mode

    # --- what the supervisor asks -----------------------------------------------------------------------------------

    def busy(self, session: str) -> bool:
        return self._turns.busy(session)

    def exists(self, session: str) -> bool:
        return self._sessions.exists(session)

    def find(self, session: str) -> Session:
        """Raises ApiError 404."""
        return self._sessions.find(session)

    def children(self, session: Session) -> list[Session]:
        return [self._sessions.find(id) for id in self._store.child_ids(session.id) if self._sessions.exists(id)]


def interrupted() -> NamedError:
    return aborted(_INTERRUPTED)
