"""The ladder of an abort: from asking to killing, each rung with its time. Pure: time goes in, steps come out.

    0         SIGUSR1 to the worker: it cancels its turn and TERMs the running commands
    200 ms    the worker has the broker destroy what is left of them (the worker's own doing, here only noted)
    1.0 s     no word that the worker is idle: SIGKILL to the session's init, which ends everything
    1.25 s    not seen to end: the kill is repeated, until it is

After a kill the caller looks whether anything is left, and says so; that closes the receipt.
"""

import enum
import math

import msgspec

SIGNAL_WORKER_S = 0.0
BROKER_S = 0.2
KILL_S = 1.0
REPEAT_KILL_S = 0.25


class Rung(enum.IntEnum):
    NONE = 0
    ASKED = 1
    BROKER = 2
    KILLED = 3


class Step(enum.Enum):
    """What the caller has to do now."""

    SIGNAL_WORKER = "signal worker"
    KILL_INIT = "kill init"
    VERIFY = "verify"  # look for survivors, then call on_verified
    DONE = "done"  # the receipt is complete


class Signal(msgspec.Struct, frozen=True):
    """``at_ms`` after the request."""

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
    """One abort. Times are seconds of any monotonic clock. ``start`` once; further requests meanwhile join this one."""

    def __init__(self) -> None:
        self._phase = _Phase.REST
        self._started = 0.0
        self._deadline = math.inf
        self._signals: list[Signal] = []
        self._rung = Rung.NONE
        self._killed = self._survivors = 0
        self._lost = False
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
        self._deadline = now + KILL_S
        self._climb(Rung.ASKED)
        self._note("SIGUSR1", "worker", now)
        return [Step.SIGNAL_WORKER]

    def on_idle(self, now: float, killed: int = 0) -> list[Step]:
        """The worker says that its turn is over and that nothing of it is left; ``killed`` by the broker."""
        self._killed += killed
        if killed:
            self._climb(Rung.BROKER)
        return self._finish(now) if self._phase is _Phase.ASKED else []

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
