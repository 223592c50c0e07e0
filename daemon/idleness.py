"""Which workers have nothing to do, and for how long they may have nothing to do."""

import math
from collections.abc import Mapping
from typing import Final

from oad.contract.worker import WorkerKind

from .bookkeeper import Bookkeeper
from .listeners import Listeners
from .settings import DaemonSettings
from .worker import Worker

_PAUSE_S: Final = 2.0  # an old worker is put away in the first pause of this length: not between two quick turns
NEEDED = "needed"  # in the facts of a directory's worker: it has something that would be lost


class Idleness:
    """``workers``: all there are, as they come and go."""

    def __init__(
        self,
        settings: DaemonSettings,
        books: Bookkeeper,
        listeners: Listeners,
        workers: Mapping[tuple[WorkerKind, str], Worker],
    ) -> None:
        self._settings = settings
        self._books = books
        self._listeners = listeners
        self._workers = workers

    def is_idle(self, worker: Worker) -> bool:
        """A turn, a call or an open ask is work; a listening client is not."""
        return worker.serving and not worker.calls and not self._is_busy(worker)

    def _is_busy(self, worker: Worker) -> bool:
        match worker.spec.kind:
            case "session":
                return self._books.busy(worker.spec.name)
            case "project":
                return self._is_needed(worker)
            case _:
                return False

    def _is_needed(self, worker: Worker) -> bool:
        """A directory's: also while a turn there may come back to what it keeps running."""
        turns = (
            self._books.busy(name)
            for (kind, name), other in self._workers.items()
            if kind == "session" and other.spec.directory == worker.spec.directory
        )
        return worker.facts.get(NEEDED) is True or any(turns)

    def is_due(self, worker: Worker, now: float) -> bool:
        """Whether it is to be put away: idle for long enough, or too old, where nothing is lost by that."""
        kind, name = worker.spec.kind, worker.spec.name
        limit, rest = self.limit(kind, name), now - worker.last_used
        aged = self._settings.max_worker_age_s
        old = aged is not None and now - worker.born > aged
        if old and kind != "pty" and limit < math.inf and not self._books.jobs.of(name):
            limit = min(limit, _PAUSE_S)
        return rest > limit and self.is_idle(worker)

    def limit(self, kind: WorkerKind, name: str) -> float:
        """Seconds; infinite for a session with jobs, unless the operator says otherwise, and for a directory that has
        an event stream of its own."""
        if kind == "project" and self._listeners.follows(name):
            return math.inf  # it watches the files for them
        if kind == "session" and self._books.jobs.of(name):
            return self._settings.policy.jobs.idle_s or math.inf
        if kind == "pty":
            return self._settings.policy.jobs.ttl_s  # that nobody has looked at: it is a program left running
        return self._settings.idle_worker_s
