"""Every piece of work on a session passes here: it begins, waits in line, or is refused.

A session keeps its turn while a call to it is under way or its worker says that it is busy. What a turn gives to
subagents belongs to it: such calls come in as guests, which need no turn of their own, so they can't wait for the one
that waits for them.
"""

import math
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import trio

from oad.contract.errors import ApiError, aborted_early
from oad.contract.ids import now_ms
from oad.contract.limit_text import describe
from oad.contract.limits import LimitHit

from ..closing import aborted
from ..journal import Journal
from ..limits import Limits
from ..sessions import Sessions, place_of
from ..turns import Turns
from .line import Line, Obstacle, Rules
from .memory import available_mb
from .rooms import Household, Rooms

RETRY_S: Final = 5
_LOOK_S: Final = 1.0  # between two looks at what nobody reports, such as free memory
_EXPECTED_S: Final = 10.0  # from the answer to a prompt that is not waited for until its turn says that it is busy
_ROOM_S: Final = 15.0  # until an idle worker that was put away is gone, at the latest
_FEW_OWNERS: Final = 32

_NOBODY: Final = Obstacle("queue", 0, 0)
_DISPOSED: Final = "Its directory was disposed of before it began"


class Ticket:
    """``ready``: it may go on, or has failed."""

    def __init__(self, session: str, user: str, *, guest: bool) -> None:
        self.session = session
        self.user = user
        self.guest = guest
        self.ready = trio.Event()
        self.failure: ApiError | None = None
        self.over = False
        self.has_waited = False


class _Seat:
    """Of a session that runs: calls under way, whether its turn has shown, and until when that is expected."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.shown = False
        self.until = -math.inf


class Turnstile:
    def __init__(
        self,
        household: Household,
        sessions: Sessions,
        turns: Turns,
        journal: Journal,
        limits: Limits,
        memory: Callable[[], float | None] = available_mb,
    ) -> None:
        self._household = household
        self._sessions = sessions
        self._turns = turns
        self._journal = journal
        self._limits = limits
        self._line = Line()
        self._owners: dict[str, str] = {}  # whose prompt a session's worker was started for
        self._most_owners = _FEW_OWNERS
        self._rooms = Rooms(household, self._line.running, self._owners, memory)
        self._chains: dict[str, deque[Ticket]] = {}  # calls that are not with the worker yet, in their order
        self._seats: dict[str, _Seat] = {}
        self._guests: Counter[str] = Counter()
        self._told: dict[str, tuple[int, str]] = {}
        self._wake = trio.Event()
        turns.on_change = self._changed

    @property
    def running(self) -> int:
        return len(self._line.running)

    @property
    def waiting(self) -> int:
        """Prompts."""
        return len(self._line)

    @property
    def _rules(self) -> Rules:
        wanted = self._household.policy.admission
        return Rules(wanted.running_turns, wanted.running_turns_per_user, wanted.queue, wanted.queue_per_user)

    # --- passing --------------------------------------------------------------------------------------------------

    def enter(self, session: str, user: str = "", *, guest: bool = False) -> Ticket:
        """Has no checkpoint. Every ticket must ``leave``. Raises ApiError 429."""
        ticket = Ticket(session, user, guest=guest and session not in self._seats)
        if ticket.guest:
            self._guests[session] += 1
            ticket.ready.set()
        elif seat := self._seats.get(session):
            seat.calls += 1
            self._follow(ticket)
        else:
            self._join(ticket)
        return ticket

    def waits(self, ticket: Ticket) -> bool:
        """In the line, not only for the calls before it."""
        return ticket.session in self._line and not ticket.over

    def has_waiting(self, session: str) -> bool:
        return session in self._line or session in self._chains

    async def wait(self, ticket: Ticket) -> None:
        """Until it may go on. Raises ApiError 409 when the session is aborted meanwhile, 429 after the longest time."""
        if ticket.guest:
            await self.make_room(ticket.session, ticket.user)
            return
        with trio.move_on_after(self._household.policy.admission.queue_s):
            await ticket.ready.wait()
        if ticket.failure is not None:
            raise ticket.failure
        if not ticket.ready.is_set():
            raise self._refusal(self._line.why(ticket.session) or _NOBODY)

    def dispatched(self, ticket: Ticket) -> None:
        """Its call is with the worker, or is so before anybody else can run: the next one of the session follows."""
        chain = self._chains.get(ticket.session)
        if chain is None or ticket not in chain:
            return
        chain.remove(ticket)
        if not chain:
            del self._chains[ticket.session]
        elif ticket.session in self._seats:
            chain[0].ready.set()

    def leave(self, ticket: Ticket, *, expected: bool = False) -> None:
        """``expected``: its turn goes on, although nothing has been heard of it yet."""
        session = ticket.session
        self.dispatched(ticket)
        if ticket.guest:
            self._guests -= Counter({session: 1})
        elif seat := self._seats.get(session) if not ticket.over else None:
            seat.calls -= 1
            if expected and not seat.shown:
                seat.until = trio.current_time() + _EXPECTED_S
            self._settle(session)
        elif self.waits(ticket):
            self._line.give_up(session)
            self._end_waiting(session)
            self._advance()
        ticket.over = True
        self._wake.set()

    async def make_room(self, session: str = "", user: str = "") -> None:
        """For a worker that does not wait in line, such as a terminal's. Raises ApiError 429."""
        latest = trio.current_time() + _ROOM_S
        while (obstacle := self._rooms.obstacle(session, user)) is not None:
            if not obstacle.passing or trio.current_time() > latest:
                raise self._refusal(obstacle)
            wake = self._wake
            with trio.move_on_after(_LOOK_S):
                await wake.wait()

    def withdraw(self, session: str, failure: ApiError | None = None) -> None:
        """What waits for a turn of the session will not have one, and is told so: also by an event, unless there is a
        ``failure`` of its own."""
        if not self._take_out(session, failure or aborted_early()):
            return
        if failure is None:
            self._tell_aborted(session)
        self._advance()

    def withdraw_disposed(self, directory: str | None = None) -> None:
        """The same for all that waits in a directory, or anywhere: none of it begins in the place of another."""
        waiting = [id for id in self._line.order() if self._sessions.exists(id)]
        theirs = [id for id in waiting if directory is None or self._sessions.find(id).directory == directory]
        for session in theirs:
            self._take_out(session, aborted_early(_DISPOSED))
            self._tell_aborted(session, _DISPOSED)
        if theirs:
            self._advance()

    def _take_out(self, session: str, failure: ApiError) -> bool:
        if not self._line.withdraw(session):
            return False
        for ticket in self._chains.pop(session, ()):
            ticket.failure, ticket.over = failure, True
            ticket.ready.set()
        self._end_waiting(session)
        return True

    def _tell_aborted(self, session: str, *why: str) -> None:
        if self._sessions.exists(session):
            self._journal.append("session.error", {"sessionID": session, "error": aborted(*why)}, self._place(session))

    def poke(self) -> None:
        """Something has changed, such as a worker's end or the policy."""
        self._wake.set()

    async def run(self) -> None:
        """Looks after what only time changes."""
        while True:
            await self._pause()
            self._wake = trio.Event()
            for session in list(self._seats):
                self._settle(session)
            if self.waiting:
                self._advance()

    async def _pause(self) -> None:
        now = trio.current_time()
        ends = [seat.until for seat in self._seats.values() if seat.until > now]
        with trio.move_on_at(min([*ends, now + _LOOK_S] if self.waiting else ends, default=math.inf)):
            await self._wake.wait()

    # --- deciding -------------------------------------------------------------------------------------------------

    def _join(self, ticket: Ticket) -> None:
        session, rules = ticket.session, self._rules
        crowded = self._line.is_full(ticket.user, rules)
        self._line.join(session, ticket.user)
        chain = self._chains.setdefault(session, deque())
        chain.append(ticket)
        self._advance(silent=session if crowded else "")
        ticket.has_waited = session in self._line
        if not crowded or session not in self._line:
            return
        obstacle = self._line.why(session) or _NOBODY
        if obstacle.passing and len(self._line) <= (rules.waiting or 0) + len(self._household.live()):
            return
        self.leave(ticket)
        raise self._refusal(obstacle)

    def _follow(self, ticket: Ticket) -> None:
        chain = self._chains.setdefault(ticket.session, deque())
        chain.append(ticket)
        if chain[0] is ticket:
            ticket.ready.set()

    def _advance(self, silent: str = "") -> None:
        for session in self._line.advance(self._rules, self._rooms.obstacle):
            self._seat(session)
        self._tell(silent)

    def _seat(self, session: str) -> None:
        chain = self._chains.get(session, ())
        self._seats[session] = _Seat(len(chain))
        self._owners[session] = self._line.running[session]
        self._told.pop(session, None)
        if chain:
            chain[0].ready.set()
        if len(self._owners) > self._most_owners:
            self._forget_owners()

    def _forget_owners(self) -> None:
        living = {worker.spec.name for worker in self._household.live()} | self._seats.keys()
        for session in self._owners.keys() - living:
            del self._owners[session]
        self._most_owners = 2 * len(self._owners) + _FEW_OWNERS  # each is looked at but now and then

    def _settle(self, session: str) -> None:
        seat = self._seats.get(session)
        if seat is None or seat.calls > 0 or seat.until > trio.current_time() or self._turns.busy(session):
            return
        del self._seats[session]
        self._line.end(session)
        self._advance()

    def _changed(self, session: str) -> None:
        """Its status has. A turn that began by itself is counted too."""
        if not self._turns.busy(session):
            self._settle(session)
        elif seat := self._seats.get(session):
            seat.shown, seat.until = True, -math.inf
        elif session not in self._guests:
            self._line.begin(session, self._owners.get(session, ""))
            self._seat(session)
            self._seats[session].shown = True

    # --- what is said ---------------------------------------------------------------------------------------------

    def statuses(self) -> dict[str, dict[str, Any]]:
        """Of sessions that wait, in a form that clients of the reference know: they show its text."""
        return {session: self._status(session) for session in self._told}

    def _status(self, session: str) -> dict[str, Any]:
        position, limit = self._told[session]
        message = f"Waiting for a turn: number {position} in the queue ({limit})"
        return {"type": "retry", "attempt": 1, "message": message, "next": now_ms() + int(_LOOK_S * 1000)}

    def _tell(self, silent: str = "") -> None:
        for position, session in enumerate(self._line.order(), 1):
            obstacle = self._line.why(session)
            if session == silent or obstacle is None or obstacle.passing or not self._sessions.exists(session):
                continue
            if self._told.get(session, (0, ""))[0] == position:
                continue
            self._told[session] = (position, describe(_hit(obstacle)))
            place = self._place(session)
            properties = {
                "sessionID": session,
                "position": position,
                "waiting": self.waiting,
                "limit": obstacle.limit,
                "value": obstacle.value,
            }
            self._journal.append("session.queued", properties, place, durable=False)
            status = {"sessionID": session, "status": self._status(session)}
            self._journal.append("session.status", status, place, durable=False)

    def _end_waiting(self, session: str) -> None:
        told = self._told.pop(session, None)
        if session in self._line:
            self._told.update({session: told} if told else {})
        elif told and self._sessions.exists(session):
            self._turns.repeat_status(self._sessions.find(session))

    def _place(self, session: str) -> Any:
        return place_of(self._sessions.find(session))

    def _refusal(self, obstacle: Obstacle) -> ApiError:
        error = self._limits.refuse(obstacle.limit, obstacle.value, obstacle.used, retry_after_s=RETRY_S)
        error.body["data"]["waiting"] = self.waiting
        return error


def _hit(obstacle: Obstacle) -> LimitHit:
    return LimitHit(limit=obstacle.limit, value=obstacle.value, peak=obstacle.used, action="refused")
