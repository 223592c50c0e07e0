"""Whether workers that have something to do still turn their event loops.

A worker that is frozen, or wedged in a loop, holds up whoever waits for it without end. It is asked for a sign of life
while it has work, and killed when none comes for long: the turn is then closed, and the next call starts a new worker.
"""

import math
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from oad.contract.wire import Frame, Ping

_log = structlog.get_logger("oad.supervisor")
_PATIENCE_S: Final = 60.0  # of its event loop, which never computes for more than moments


class Patient(Protocol):
    """What there is to know of a worker; ``heard`` is when it last said anything."""

    calls: int
    heard: float

    @property
    def name(self) -> str: ...

    @property
    def serving(self) -> bool: ...

    def tell(self, frame: Frame) -> bool: ...

    def kill_wedged(self) -> None: ...


class Pulse:
    """``busy`` tells whether a session is in a turn. Of a worker without work nothing is asked: it sleeps."""

    def __init__(self, busy: Callable[[str], bool]) -> None:
        self._busy = busy
        self._asked: dict[int, float] = {}  # by the worker's identity, since when it owes an answer

    def forget(self, worker: Patient) -> None:
        self._asked.pop(id(worker), None)

    def feel(self, worker: Patient, now: float) -> None:
        """To be called every few seconds."""
        asked = self._asked.get(id(worker), math.inf)
        owes = worker.heard < asked < math.inf  # also when whoever waited for it has given up
        if not worker.serving or not (owes or worker.calls or self._busy(worker.name)):
            self.forget(worker)
            return
        if owes and now - asked >= _PATIENCE_S:
            _log.error(
                "a worker does not answer any more and is killed", worker=worker.name, silent_s=round(now - asked)
            )
            self.forget(worker)
            worker.kill_wedged()
        elif not owes:
            self._asked[id(worker)] = now
            worker.tell(Ping(0))
