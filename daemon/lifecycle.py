"""The life of one worker: spawn, hello, serve, drain, abort, reap. Pure: events go in, actions come out.

The caller does what it is told in the given order and reports back what it sees; ``step`` at ``next_deadline``. The
abort of a turn has a machine of its own (``ladder``); this one only knows that the worker is being killed.
"""

import enum
import math

HELLO_S = 10.0
DRAIN_S = 10.0
KILL_REPEAT_S = 0.25


class State(enum.Enum):
    NEW = "new"
    SPAWNING = "spawning"
    GREETING = "greeting"  # it runs, and has not said hello
    SERVING = "serving"
    DRAINING = "draining"  # takes nothing new, finishes what it has
    KILLING = "killing"
    REAPING = "reaping"  # ended; looking that nothing is left
    ENDED = "ended"


class Action(enum.Enum):
    SPAWN = "spawn"
    ADMIT = "admit"  # calls may go to it
    REFUSE = "refuse"  # no call may go to it any more
    DRAIN = "drain"  # tell it to finish and leave
    KILL = "kill"
    REAP = "reap"  # sweep, then on_reaped
    REPORT = "report"  # ``end`` says what came of it


class End(enum.Enum):
    NEVER_STARTED = "never started"
    NO_HELLO = "no hello"
    CLEAN = "clean"  # asked to leave, and left
    KILLED = "killed"  # by us, on request
    CRASHED = "crashed"  # the only ends that count against the restart budget are this, NO_HELLO and NEVER_STARTED


class Lifecycle:
    def __init__(self) -> None:
        self.state = State.NEW
        self.end: End | None = None
        self.status: int | None = None
        self.next_deadline = math.inf

    @property
    def abnormal(self) -> bool:
        return self.end in (End.CRASHED, End.NO_HELLO, End.NEVER_STARTED)

    def start(self) -> list[Action]:
        if self.state is not State.NEW:
            return []
        self.state = State.SPAWNING
        return [Action.SPAWN]

    def on_spawned(self, now: float) -> list[Action]:
        """Also when it was killed while it was being born: then that is done now."""
        if self.state is State.KILLING:
            return self._kill(now)
        if self.state is State.SPAWNING:
            self.state, self.next_deadline = State.GREETING, now + HELLO_S
        return []

    def on_spawn_failed(self) -> list[Action]:
        if self.state not in (State.SPAWNING, State.KILLING):
            return []
        self.end = self.end or End.NEVER_STARTED
        return self._end()

    def on_hello(self) -> list[Action]:
        if self.state is not State.GREETING:
            return []
        self.state, self.next_deadline = State.SERVING, math.inf
        return [Action.ADMIT]

    def drain(self, now: float) -> list[Action]:
        """It has been idle for long, or the service stops."""
        match self.state:
            case State.SERVING:
                self.state, self.next_deadline = State.DRAINING, now + DRAIN_S
                return [Action.REFUSE, Action.DRAIN]
            case State.NEW | State.SPAWNING | State.GREETING:
                return self.kill(now)
            case _:
                return []

    def kill(self, now: float) -> list[Action]:
        """Ends it at once."""
        if self.state in (State.KILLING, State.REAPING, State.ENDED):
            return []
        before, self.end = self.state, self.end or End.KILLED
        if before is State.NEW:
            return self._end()
        self.state = State.KILLING
        if before is State.SPAWNING:
            return []  # there is nothing to kill yet; see on_spawned
        refuse = [Action.REFUSE] if before is State.SERVING else []
        return refuse + self._kill(now)

    def on_exit(self, status: int) -> list[Action]:
        """See Child.wait for ``status``."""
        if self.state in (State.NEW, State.REAPING, State.ENDED):
            return []
        refuse = [Action.REFUSE] if self.state is State.SERVING else []
        if self.end is None:
            self.end = End.CLEAN if self.state is State.DRAINING and status == 0 else End.CRASHED
        self.state, self.status, self.next_deadline = State.REAPING, status, math.inf
        return [*refuse, Action.REAP]

    def on_reaped(self) -> list[Action]:
        return self._end() if self.state is State.REAPING else []

    def step(self, now: float) -> list[Action]:
        """To be called at ``next_deadline``; too early does no harm."""
        if now < self.next_deadline:
            return []
        if self.state is State.GREETING:
            self.end = End.NO_HELLO
        elif self.state is State.DRAINING:
            self.end = End.KILLED
        self.state = State.KILLING
        return self._kill(now)

    def _kill(self, now: float) -> list[Action]:
        # Repeated until the exit is seen: at level "subreaper" a kill can run out of its budget.
        self.next_deadline = now + KILL_REPEAT_S
        return [Action.KILL]

    def _end(self) -> list[Action]:
        self.state, self.next_deadline = State.ENDED, math.inf
        return [Action.REPORT]
