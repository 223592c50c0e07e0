"""In which state each session is: one word of what the daemon knows."""

from collections import Counter
from collections.abc import Collection, Iterator

from oad.contract.activity import SessionState

from ..asks import Asks
from ..supervisor import Supervisor
from ..turns import Turns
from ..worker import Worker


class States:
    """``queued``: sessions that wait for a turn."""

    def __init__(self, supervisor: Supervisor, turns: Turns, asks: Asks, queued: Collection[str] = ()) -> None:
        self._queued = queued
        self._supervisor = supervisor
        self._turns = turns
        self._asks = asks

    def active(self) -> Iterator[tuple[str, SessionState]]:
        """Those that have a worker, or a turn."""
        waiting = self._asks.waiting()
        workers = {worker.spec.name: worker for worker in self._supervisor.live() if worker.spec.kind == "session"}
        for session in dict.fromkeys([*workers, *self._turns.statuses, *self._queued]):
            yield session, self._state(session, workers.get(session), session in waiting)

    def _state(self, session: str, worker: Worker | None, waiting: bool) -> SessionState:
        status = self._turns.statuses.get(session)
        if status is None and session in self._queued:
            return "queued"
        if status is None:
            return "starting" if worker is not None and not worker.settled.is_set() else "idle"
        if waiting:
            return "waiting"
        return "retrying" if status.get("type") == "retry" else "running"

    def count(self, total: int) -> Counter[str]:
        """By state, of all ``total`` sessions."""
        counts: Counter[str] = Counter(state for _, state in self.active())
        counts["stored"] = max(total - counts.total(), 0)
        return counts
