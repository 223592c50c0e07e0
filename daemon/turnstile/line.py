"""Who runs a turn and who waits for one. Pure: what may begin is asked of ``check``, what is decided is returned.

A session waits once, however many prompts wait for it. Users take turns with one another, whoever was served last comes
last; each user's own sessions go in the order in which they came.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator

import msgspec


class Rules(msgspec.Struct, frozen=True):
    """Turns at a time, and prompts that may wait, of the service and of each user; None is unlimited."""

    turns: int | None = None
    turns_per_user: int | None = None
    waiting: int | None = None
    waiting_per_user: int | None = None


class Obstacle(msgspec.Struct, frozen=True):
    """Why a session can't begin now: a limit by its name, its value, and what is used. ``passing``: room is being made
    for it already, and nobody is refused because of it."""

    limit: str
    value: float
    used: float
    passing: bool = False


Check = Callable[[str, str], Obstacle | None]  # of a session and its user: what stands in the way besides the rules


def no_obstacle(session: str, user: str) -> Obstacle | None:
    return None


class Line:
    """``running``: sessions that have a turn, or are about to, and whose they are."""

    def __init__(self) -> None:
        self.running: dict[str, str] = {}
        self._waiting: dict[str, deque[str]] = {}  # user -> sessions
        self._prompts: Counter[str] = Counter()  # of waiting sessions
        self._owner: dict[str, str] = {}  # of waiting sessions
        self._served: dict[str, int] = {}  # user -> when last; only of those who wait or run
        self._clock = 0
        self.held: dict[str, Obstacle] = {}  # of users who wait: what kept their first one back the last time

    def __len__(self) -> int:
        """Prompts that wait."""
        return self._prompts.total()

    def __contains__(self, session: str) -> bool:
        return session in self._prompts

    def why(self, session: str) -> Obstacle | None:
        """What a waiting session waits for, as far as is known."""
        return self.held.get(self._owner.get(session, ""))

    def of_user(self, user: str) -> int:
        """Prompts of a user that wait."""
        return sum(self._prompts[session] for session in self._waiting.get(user, ()))

    # --- coming and going -----------------------------------------------------------------------------------------

    def join(self, session: str, user: str) -> None:
        """One more prompt waits. A session stays in the line of the user who came first."""
        if session not in self._prompts:
            self._owner[session] = user
            self._waiting.setdefault(user, deque()).append(session)
        self._prompts[session] += 1

    def is_full(self, user: str, rules: Rules) -> bool:
        """Whether no further prompt of this user may wait."""
        whole = rules.waiting is not None and len(self) >= rules.waiting
        own = rules.waiting_per_user is not None and self.of_user(user) >= rules.waiting_per_user
        return whole or own

    def give_up(self, session: str) -> None:
        """One of its waiting prompts goes away."""
        if self._prompts[session] > 1:
            self._prompts[session] -= 1
        else:
            self.withdraw(session)

    def withdraw(self, session: str) -> bool:
        """All its waiting prompts go away. Whether there were any."""
        if session not in self._prompts:
            return False
        del self._prompts[session]
        user = self._owner.pop(session)
        self._waiting[user].remove(session)
        if not self._waiting[user]:
            del self._waiting[user]
        self._forget(user)
        return True

    def begin(self, session: str, user: str) -> None:
        """It runs, whether it may or not: a turn that is seen to run is counted."""
        self.withdraw(session)
        self.running.setdefault(session, user)

    def end(self, session: str) -> bool:
        """Whether it ran."""
        user = self.running.pop(session, None)
        if user is None:
            return False
        self._forget(user)
        return True

    def _forget(self, user: str) -> None:
        if user not in self._waiting and user not in self.running.values():
            self._served.pop(user, None)

    # --- deciding -------------------------------------------------------------------------------------------------

    def obstacle(self, session: str, user: str, rules: Rules, check: Check = no_obstacle) -> Obstacle | None:
        """What stands in its way now, whoever is before it."""
        own = sum(1 for each in self.running.values() if each == user)
        if rules.turns is not None and len(self.running) >= rules.turns:
            return Obstacle("runningTurns", rules.turns, len(self.running))
        if rules.turns_per_user is not None and own >= rules.turns_per_user:
            return Obstacle("runningTurnsPerUser", rules.turns_per_user, own)
        return check(session, user)

    def advance(self, rules: Rules, check: Check = no_obstacle) -> list[str]:
        """Lets begin who can; returns them in order. Whoever can't holds up only what waits behind it of its user."""
        begun: list[str] = []
        self.held = {}
        while (session := self._next()) is not None:
            user = self._owner[session]
            if (obstacle := self.obstacle(session, user, rules, check)) is not None:
                self.held[user] = obstacle
                continue
            self._clock += 1
            self.begin(session, user)
            self._served[user] = self._clock
            begun.append(session)
        return begun

    def _next(self) -> str | None:
        users = [user for user in self._by_turn() if user not in self.held]
        return self._waiting[users[0]][0] if users else None

    def _by_turn(self) -> list[str]:
        """Users who wait; of those never served the one first who has waited longest."""
        return sorted(self._waiting, key=lambda user: self._served.get(user, 0))

    def order(self) -> Iterator[str]:
        """All that wait, in the order in which they would begin if nothing but their number counted."""
        lines = [list(self._waiting[user]) for user in self._by_turn()]
        for place in range(max(map(len, lines), default=0)):
            yield from (line[place] for line in lines if place < len(line))
