"""The ladder of an abort: from asking to killing, each rung with its time. Pure: time goes in, steps come out.

    0         SIGUSR1 to the worker: it cancels its turn and TERMs the running commands
    200 ms    the worker has the broker destroy what is left of them (the worker's own doing, here only noted)
    1.0 s     no word that the worker is idle: SIGKILL to the session's init, which ends everything
    1.25 s    not seen to end: the kill is repeated, until it is

After a kill the caller looks whether anything is left, and says so; that closes the receipt. These are the times of the
mode ``term``; ``soft`` leaves commands more of it, ``kill`` begins with the last rung. A later request may hurry an
earlier one up, never slow it down.
"""

import enum
import math
from typing import Literal

import msgspec

BROKER_S = 0.2
KILL_S = 1.0
REPEAT_KILL_S = 0.25
SOFT_BROKER_S = 5.0
SOFT_KILL_AFTER_S = 5.0  # beyond the grace of the commands
MAX_GRACE_S = 60.0

Mode = Literal["soft", "term", "kill"]


class Plan(msgspec.Struct, frozen=True):
    """How hard an abort is, and how soon. ``grace_s``: between TERM and the end of commands; ``kill_s``: until the init
    is killed; ``keep``: background jobs are left alone."""

    mode: Mode = "term"
    grace_s: float = BROKER_S
    kill_s: float = KILL_S
    keep: bool = False

    @property
    def signals(self) -> bool:
        """Whether SIGUSR1 says what is meant: it comes sooner than any call, but always means the usual grace."""
        return self.mode == "term" and self.grace_s <= BROKER_S


def make_plan(mode: Mode = "term", grace_s: float | None = None, *, keep: bool = False) -> Plan:
    """``grace_s`` None: the mode's own. Raises ValueError for what is out of range or contradicts itself."""
    if grace_s is not None and not 0 <= grace_s <= MAX_GRACE_S:
        raise ValueError(f"grace must be between 0 and {MAX_GRACE_S:g} seconds")
    if mode == "kill":
        if keep or grace_s:
            raise ValueError("mode kill keeps nothing and has no grace")
        return Plan("kill", 0.0, 0.0)
    if mode == "soft":
        grace_s = SOFT_BROKER_S if grace_s is None else grace_s
        return Plan("soft", grace_s, grace_s + SOFT_KILL_AFTER_S, keep)
    grace_s = BROKER_S if grace_s is None else grace_s
    return Plan("term", grace_s, grace_s + KILL_S - BROKER_S, keep)


class Rung(enum.IntEnum):
    NONE = 0
    ASKED = 1
    BROKER = 2
    KILLED = 3


class Step(enum.Enum):
    """What the caller has to do now."""

    SIGNAL_WORKER = "signal worker"
    ASK_WORKER = "ask worker"  # by the call alone, which says how much time there is
    KILL_INIT = "kill init"
    VERIFY = "verify"  # look for survivors, then call on_verified
    DONE = "done"  # the receipt is complete


class Signal(msgspec.Struct, frozen=True):
    """``at_ms`` after the request. ``worker.abort`` is no signal of the kernel's but the call that stands for it."""

    name: str
    target: str
    at_ms: float


class Receipt(msgspec.Struct, frozen=True):
    """``killed`` counts what the broker killed; the members of a killed namespace are not counted by anybody."""

    rung: Rung
    signals: list[Signal]
    killed: int
    survivors: int
    took_ms: float
    worker_lost: bool  # the session needs a new worker


class _Phase(enum.Enum):
    REST = enum.auto()
    ASKED = enum.auto()
    KILLING = enum.auto()
    VERIFYING = enum.auto()
    DONE = enum.auto()


class Ladder:
    """One abort. Times are seconds of any monotonic clock. ``start`` once; further requests meanwhile ``tighten``."""

    def __init__(self, plan: Plan = Plan()) -> None:  # noqa: B008  it is frozen
        self.plan = plan
        self._phase = _Phase.REST
        self._started = 0.0
        self._deadline = math.inf
        self._signals: list[Signal] = []
        self._rung = Rung.NONE
        self._killed = self._survivors = 0
        self._lost = self._signalled = False
        self._ended = 0.0

    @property
    def next_deadline(self) -> float:
        """When to call ``step`` next; infinity when there is nothing to wait for."""
        return self._deadline

    @property
    def done(self) -> bool:
        return self._phase is _Phase.DONE

    def start(self, now: float) -> list[Step]:
        if self._phase is not _Phase.REST:
            return []
        self._phase, self._started = _Phase.ASKED, now
        if self.plan.mode == "kill":
            return self._kill(now)
        self._deadline = now + self.plan.kill_s
        self._climb(Rung.ASKED)
        return self._signal(now) if self.plan.signals else [self._ask(now)]

    def tighten(self, now: float, plan: Plan) -> list[Step]:
        """Another request has come: what it would do sooner is done sooner."""
        if self._phase is not _Phase.ASKED:
            return []
        if plan.mode == "kill":
            return self._kill(now)
        self._deadline = min(self._deadline, now + plan.kill_s)
        return self._signal(now) if plan.signals and not self._signalled else []

    def on_idle(self, now: float, killed: int = 0, survivors: int = 0) -> list[Step]:
        """The worker says that its turn is over; ``killed`` by the broker. ``survivors`` it could not end: only the
        end of the session can."""
        self._killed += killed
        if killed:
            self._climb(Rung.BROKER)
        if self._phase is not _Phase.ASKED:
            return []
        return self._kill(now) if survivors else self._finish(now)

    def on_exit(self, now: float) -> list[Step]:
        """The session's init has ended, for whatever reason."""
        if self._phase not in (_Phase.ASKED, _Phase.KILLING):
            return []
        self._phase, self._deadline, self._lost = _Phase.VERIFYING, math.inf, True
        del now
        return [Step.VERIFY]

    def on_verified(self, now: float, survivors: int) -> list[Step]:
        if self._phase is not _Phase.VERIFYING:
            return []
        self._survivors = survivors
        return self._finish(now)

    def step(self, now: float) -> list[Step]:
        """To be called at ``next_deadline``; too early does no harm."""
        if now < self._deadline:
            return []
        return self._kill(now)

    def _signal(self, now: float) -> list[Step]:
        self._signalled = True
        self._note("SIGUSR1", "worker", now)
        return [Step.SIGNAL_WORKER]

    def _ask(self, now: float) -> Step:
        self._note("worker.abort", "worker", now)
        return Step.ASK_WORKER

    def _kill(self, now: float) -> list[Step]:
        self._phase, self._deadline = _Phase.KILLING, now + REPEAT_KILL_S
        self._climb(Rung.KILLED)
        self._note("SIGKILL", "init", now)
        return [Step.KILL_INIT]

    def receipt(self) -> Receipt:
        """Complete once ``done``."""
        took_ms = (self._ended - self._started) * 1000
        return Receipt(self._rung, list(self._signals), self._killed, self._survivors, took_ms, self._lost)

    def _finish(self, now: float) -> list[Step]:
        self._phase, self._deadline, self._ended = _Phase.DONE, math.inf, now
        return [Step.DONE]

    def _climb(self, rung: Rung) -> None:
        self._rung = max(self._rung, rung)

    def _note(self, name: str, target: str, now: float) -> None:
        self._signals.append(Signal(name, target, (now - self._started) * 1000))
