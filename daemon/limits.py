"""The limits of every session: what holds, what is used, and the record of each that was reached."""

from collections import Counter, OrderedDict
from typing import Final

import msgspec
import structlog

from oad.contract.errors import ApiError, bad_request
from oad.contract.limit_text import limit_refused
from oad.contract.limits import (
    MEGABYTE,
    Action,
    LimitHit,
    SessionLimitReport,
    SessionLimits,
    SessionUse,
    effective,
    reached,
)
from oad.contract.policy import LimitPolicy
from oad.contract.session import Session, Tokens

from .enforceable import HostFacts, check_wish
from .journal import Journal, Place
from .sessions import Sessions, Usage, place_of
from .store import Store

_log = structlog.get_logger("oad.limits")

_REMEMBERED: Final = 512  # sessions, of what can be found out anew
_LEDGERS: Final = 8192  # far more sessions than have workers; that of one which was not used for long begins anew


class Ledger(msgspec.Struct):
    """What one session has used since the start of the service. Bytes and seconds."""

    output: int = 0
    written: int = 0
    turn: int = 0  # that ``turn_s`` is of
    turn_s: float = 0.0
    session_s: float = 0.0
    memory_mb: float = 0.0
    cpu: float = 0.0
    processes: int = 0
    peak: dict[str, float] = {}
    reached: Counter[str] = msgspec.field(default_factory=Counter[str])

    def mark(self, name: str, value: float) -> None:
        self.peak[name] = max(self.peak.get(name, 0.0), round(value, 3))


class Spent(msgspec.Struct):
    """By a root session and all below it."""

    tokens: int
    cost: float


class Limits:
    """``counts`` has how often each limit was reached and what was done, since the start of the service."""

    def __init__(
        self, policy: LimitPolicy, sessions: Sessions, store: Store, journal: Journal, host: HostFacts | None = None
    ) -> None:
        self.policy = policy
        self._host = host or HostFacts({})
        self.counts: Counter[tuple[str, Action]] = Counter()
        self._sessions = sessions
        self._store = store
        self._journal = journal
        self._ledgers: OrderedDict[str, Ledger] = OrderedDict()  # last used last
        self._spent: dict[str, Spent] = {}
        self._effective: dict[str, tuple[list[SessionLimits | None], SessionLimits]] = {}
        self.overrun: list[tuple[str, LimitHit]] = []  # sessions whose turn is to be stopped; the governor takes them

    # --- what holds -----------------------------------------------------------------------------------------------

    def of(self, session: str) -> SessionLimits:
        """Of a session that does not exist (any more), the operator's."""
        wishes = [each.limits for each in self._line(session)]
        known = self._effective.get(session)
        if known is not None and known[0] == wishes:
            return known[1]
        made = effective(wishes, self.policy)
        if len(self._effective) >= _REMEMBERED:
            self._effective.clear()
        self._effective[session] = (wishes, made)
        return made

    def check(self, wish: SessionLimits | None) -> None:
        """Raises ApiError 400 for what can't be kept on this host."""
        if (reason := check_wish(wish, self._host)) is not None:
            raise bad_request(reason)

    def ledger(self, session: str) -> Ledger:
        ledger = self._ledgers.setdefault(session, Ledger())
        self._ledgers.move_to_end(session)
        if len(self._ledgers) > _LEDGERS:
            self._ledgers.popitem(last=False)
        return ledger

    def forget(self, session: str) -> None:
        """It was deleted. What it spent stays its root's."""
        for kept in (self._ledgers, self._effective, self._spent):
            kept.pop(session, None)

    def report(self, session: Session) -> SessionLimitReport:
        ledger, spent = self.ledger(session.id), self._spent_by(session)
        use = SessionUse(
            memory_mb=round(ledger.memory_mb, 1),
            cpu=round(ledger.cpu, 2),
            processes=ledger.processes,
            written_mb=round(ledger.written / MEGABYTE, 3),
            session_output_mb=round(ledger.output / MEGABYTE, 3),
            turn_s=round(ledger.turn_s, 1),
            session_s=round(ledger.session_s, 1),
            tokens=spent.tokens,
            cost=spent.cost,
        )
        return SessionLimitReport(
            limits=self.of(session.id), use=use, peak=dict(ledger.peak), reached=dict(ledger.reached)
        )

    # --- what is used ---------------------------------------------------------------------------------------------

    def note_usage(self, session: Session, usage: Usage | None, output: int) -> None:
        """After a worker said what its model calls cost and its commands have written."""
        ledger = self.ledger(session.id)
        ledger.output = max(ledger.output, output)
        if usage is None:
            return
        root = self._line(session.id)[-1]
        known = self._spent.get(root.id)
        if known is not None:
            known.tokens += count(usage.tokens)
            known.cost += usage.cost
        spent = known or self._spent_by(root)
        if (hit := self._overspent(root.id, spent)) is not None:
            self.overrun.append((root.id, hit))

    def admit(self, session: Session) -> None:
        """Raises ApiError 429 for work on a session that has used up what it may."""
        limits, ledger = self.of(session.id), self.ledger(session.id)
        root = self._line(session.id)[-1]
        hit = self._overspent(root.id, self._spent_by(root)) if self._is_costed(root.id) else None
        for name, most, used in (
            ("sessionS", limits.session_s, ledger.session_s),
            ("sessionOutputMb", limits.session_output_mb, ledger.output / MEGABYTE),
            ("writtenMb", limits.written_mb, ledger.written / MEGABYTE),
        ):
            if hit is None and most is not None and used >= most:
                hit = LimitHit(limit=name, value=most, peak=used, action="refused")
        if hit is not None:
            hit = msgspec.structs.replace(hit, action="refused")
            self.reach(session, hit)
            raise limit_refused(hit)

    def _is_costed(self, root: str) -> bool:
        limits = self.of(root)
        return limits.tokens is not None or limits.cost is not None

    def _overspent(self, root: str, spent: Spent) -> LimitHit | None:
        limits = self.of(root)
        for name, most, used in (("tokens", limits.tokens, spent.tokens), ("cost", limits.cost, spent.cost)):
            if most is not None and used >= most:
                return LimitHit(limit=name, value=most, peak=used, action="turn")
        return None

    def _spent_by(self, session: Session) -> Spent:
        """Of a root kept up to date; of a subagent looked up."""
        if (known := self._spent.get(session.id)) is not None:
            return known
        spent = Spent(0, 0.0)
        todo = [session.id]
        while todo:
            id = todo.pop()
            todo += self._store.child_ids(id)
            if self._sessions.exists(id):
                record = self._sessions.find(id)
                spent.tokens += count(record.tokens) if record.tokens is not None else 0
                spent.cost += record.cost or 0
        if session.parent_id is None:
            if len(self._spent) >= _REMEMBERED:
                self._spent.clear()
            self._spent[session.id] = spent
        return spent

    def _line(self, session: str) -> list[Session]:
        """The session and its ancestors, as far as they exist; at least one unless the session is unknown."""
        line: list[Session] = []
        seen: set[str] = set()
        next: str | None = session
        while next and next not in seen and self._sessions.exists(next):
            seen.add(next)
            line.append(self._sessions.find(next))
            next = line[-1].parent_id
        return line

    def ancestors(self, session: str) -> list[str]:
        """The session first."""
        return [each.id for each in self._line(session)]

    # --- what is said ---------------------------------------------------------------------------------------------

    def reach(self, session: Session, hit: LimitHit) -> None:
        """Publishes and counts a limit that the daemon found reached."""
        self.count(session.id, hit)
        if hit.action != "refused":
            self._journal.append("session.limit", reached(session.id, hit), place_of(session))

    def reach_elsewhere(self, worker: str, directory: str, hit: LimitHit) -> None:
        """One of a worker that is no session's: of the servers of a directory, of a terminal."""
        self.counts[hit.limit, hit.action] += 1
        self._journal.append("oad.directory.limit", hit, Place(directory=directory))
        _log.warning("limit reached", worker=worker, limit=hit.limit, value=hit.value, peak=hit.peak, act=hit.action)

    def count(self, session: str, hit: LimitHit) -> None:
        """Counts one; also those that a worker has told of itself."""
        self.counts[hit.limit, hit.action] += 1
        ledger = self.ledger(session)
        ledger.reached[hit.limit] += 1
        ledger.mark(hit.limit, hit.peak)
        _log.warning("limit reached", session=session, limit=hit.limit, value=hit.value, peak=hit.peak, act=hit.action)

    def refuse(self, name: str, most: float, now: float, *, retry_after_s: int | None = None) -> ApiError:
        """For a limit of the service: the error to raise."""
        hit = LimitHit(limit=name, value=most, peak=now, action="refused")
        self.counts[hit.limit, hit.action] += 1
        _log.warning("limit of the service reached", limit=name, value=most)
        return limit_refused(hit, retry_after_s)


def count(tokens: Tokens) -> int:
    """All of them: what is read from a cache is paid for too."""
    return tokens.input + tokens.output + tokens.reasoning + tokens.cache.read + tokens.cache.write
