"""How often what dies is started again. Pure.

Per session: three abnormal exits within a minute, started again after 0, 0.5 and 2 s; the next one means that the
session has failed, until its user asks again. Over all sessions: more than ten within ten seconds look like a broken
zygote, which is then replaced; more than twenty like a broken installation.
"""

import enum
from collections import deque

import msgspec

SESSION_EXITS, SESSION_WINDOW_S = 3, 60.0
BACKOFF_S = (0.0, 0.5, 2.0)
JITTER = 0.2
RECYCLE_EXITS, GIVE_UP_EXITS, GLOBAL_WINDOW_S = 10, 20, 10.0


class Verdict(enum.Enum):
    RESTART = "restart"
    FAILED = "failed"  # this session is not started again by itself


class Alarm(enum.Enum):
    NONE = "none"
    RECYCLE_ZYGOTE = "recycle zygote"
    GIVE_UP = "give up"


class Decision(msgspec.Struct, frozen=True):
    """``after_s`` is how long to wait before the restart."""

    verdict: Verdict
    after_s: float
    alarm: Alarm


class RestartBudget:
    def __init__(self) -> None:
        self._sessions: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()
        self._recycled = float("-inf")

    def on_abnormal_exit(self, session: str, now: float, random: float) -> Decision:
        """``random`` in [0, 1) becomes jitter of up to 20 %."""
        exits = self._sessions.setdefault(session, deque())
        _record(exits, now, SESSION_WINDOW_S)
        _record(self._all, now, GLOBAL_WINDOW_S)
        alarm = self._alarm(now)
        if len(exits) > SESSION_EXITS:
            return Decision(Verdict.FAILED, 0.0, alarm)
        backoff = BACKOFF_S[len(exits) - 1]
        return Decision(Verdict.RESTART, backoff * (1 + JITTER * random), alarm)

    def forgive(self, session: str) -> None:
        """Its user asks for it again, or it is gone for good."""
        self._sessions.pop(session, None)

    def _alarm(self, now: float) -> Alarm:
        if len(self._all) > GIVE_UP_EXITS:
            return Alarm.GIVE_UP
        # Once per window: the exits that led to it are still counted, so that a new zygote which is no better leads on.
        if len(self._all) > RECYCLE_EXITS and now - self._recycled > GLOBAL_WINDOW_S:
            self._recycled = now
            return Alarm.RECYCLE_ZYGOTE
        return Alarm.NONE


def _record(times: deque[float], now: float, window_s: float) -> None:
    times.append(now)
    while times[0] <= now - window_s:
        times.popleft()
