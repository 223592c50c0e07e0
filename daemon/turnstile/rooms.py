"""Whether there is room for one more worker: by number, by user, by memory. Idle ones are put away to make some."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from oad.contract.policy import Policy

from ..worker import Worker
from .line import Obstacle
from .memory import available_mb

_BIRTH_MB: Final = 48  # that a session takes at its start, and the memory of those starting does not show yet


class Household(Protocol):
    """What there is of workers; the supervisor."""

    @property
    def policy(self) -> Policy: ...

    def live(self) -> list[Worker]: ...

    def is_idle(self, worker: Worker) -> bool: ...

    def dismiss(self, worker: Worker) -> None:
        """Puts it away: from now on it gets no work."""
        ...


class Rooms:
    """``running``: sessions that have a turn, with or without a worker yet. ``owners``: whose a session is."""

    def __init__(
        self,
        household: Household,
        running: Mapping[str, str],
        owners: Mapping[str, str],
        memory: Callable[[], float | None] = available_mb,
    ) -> None:
        self._household = household
        self._running = running
        self._owners = owners
        self._memory = memory

    def obstacle(self, session: str, user: str) -> Obstacle | None:
        """What keeps a session, or with "" a terminal, from getting a worker; nothing for one that has it. Where
        putting away an idle one helps, that has begun when this returns."""
        living = [worker for worker in self._household.live() if worker.spec.kind != "project"]
        sessions = {worker.spec.name for worker in living if worker.spec.kind == "session"}
        if session in sessions:
            return None
        starting = [each for each in self._running if each not in sessions]
        return self._of_number(living, starting, user) or self._of_memory(living, starting)

    def _of_number(self, living: list[Worker], starting: list[str], user: str) -> Obstacle | None:
        policy = self._household.policy
        most, own = policy.limits.live_sessions, policy.admission.live_sessions_per_user
        if own is not None:
            mine = [worker for worker in living if self._is_of(worker, user)]
            used = len(mine) + sum(1 for each in starting if self._running[each] == user)
            if used >= own:
                return Obstacle("liveSessionsPerUser", own, used, self._clear(mine, used + 1 - own))
        used = len(living) + len(starting)
        if most is not None and used >= most:
            return Obstacle("liveSessions", most, used, self._clear(living, used + 1 - most))
        return None

    def _is_of(self, worker: Worker, user: str) -> bool:
        return worker.spec.kind == "session" and self._owners.get(worker.spec.name, "") == user

    def _of_memory(self, living: list[Worker], starting: Iterable[str]) -> Obstacle | None:
        least = self._household.policy.admission.free_memory_mb
        free = self._memory() if least else None
        if free is None:
            return None
        free -= _BIRTH_MB * sum(1 for _ in starting)
        return Obstacle("freeMemoryMb", least, free, self._clear(living, 1)) if free < least else None

    def _clear(self, living: list[Worker], wanted: int) -> bool:
        """Whether enough will go, or begins to: the one that has been idle for longest."""
        leaving = sum(1 for worker in living if worker.leaving)
        if leaving >= wanted:
            return True
        idle = [worker for worker in living if self._is_dispensable(worker)]
        if not idle:
            return leaving > 0
        self._household.dismiss(min(idle, key=lambda worker: worker.last_used))
        return True

    def _is_dispensable(self, worker: Worker) -> bool:
        """Terminals are not: what runs in one would be lost."""
        own = worker.spec.kind == "session" and worker.spec.name not in self._running
        return own and not worker.leaving and self._household.is_idle(worker)
