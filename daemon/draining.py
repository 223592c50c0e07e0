"""Between the order to stop and the stop itself: what runs may come to its end, and nothing new begins."""

import math
from typing import Final

import structlog
import trio

from oad.contract.errors import unavailable
from oad.service_manager import ServiceManager

from .supervisor import Supervisor
from .turns import Turns

_log = structlog.get_logger("oad.daemon")
_LOOK_S: Final = 0.1
_TELL_S: Final = 5.0
_EXTEND_S: Final = 4 * _TELL_S  # a few messages may be late
_LONGEST_RETRY_S: Final = 10.0  # most turns end long before the last moment


class Draining:
    """``seconds`` is the longest that it may take; 0: what runs is aborted at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._until = math.inf
        self._running = 0

    @property
    def has_begun(self) -> bool:
        return self._until < math.inf

    def check(self) -> None:
        """Raises ApiError 503 for work that would begin now."""
        if self.has_begun:
            left_s = max(self._until - trio.current_time(), 0.0)
            after_s = math.ceil(min(left_s, _LONGEST_RETRY_S)) + 1  # and the start of the next one
            raise unavailable("The service is stopping; what runs may end, nothing new begins.", retry_after_s=after_s)

    def describe(self) -> str:
        turns = f"{self._running} turn{'s'[: self._running != 1]}"
        return f"draining: {turns} may end within {max(self._until - trio.current_time(), 0.0):.0f} s"

    async def run(self, supervisor: Supervisor, turns: Turns, manager: ServiceManager) -> None:
        """Returns when no session is in a turn or the time is up."""
        self._until = trio.current_time() + self._seconds
        self._running = _count(supervisor, turns)
        if self._seconds and self._running:
            _log.info("draining", turns=self._running, at_most_s=self._seconds)
            with trio.move_on_at(self._until):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._tell, manager)
                    while self._running:
                        await trio.sleep(_LOOK_S)
                        self._running = _count(supervisor, turns)
                    nursery.cancel_scope.cancel()
            _log.info("drained", interrupted_turns=self._running)

    async def _tell(self, manager: ServiceManager) -> None:
        """Without it the manager would kill everything after its own limit for stops, which knows nothing of ours."""
        while True:
            manager.stopping(self.describe(), within_s=_EXTEND_S)
            await trio.sleep(_TELL_S)


def _count(supervisor: Supervisor, turns: Turns) -> int:
    """Sessions that are in a turn, or which a prompt is on the way to."""
    workers = [worker for worker in supervisor.live() if worker.spec.kind == "session"]
    return sum(worker.calls > 0 or not worker.settled.is_set() or turns.busy(worker.spec.name) for worker in workers)
