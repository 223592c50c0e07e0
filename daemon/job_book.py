"""Which background jobs there are, as the sessions' workers tell: it keeps their workers from being put away, and
closes the jobs of a worker that can't do so itself."""

from typing import Final

import msgspec

STARTED: Final = "job.started"
ENDED: Final = "job.ended"


class _Head(msgspec.Struct):
    id: str


class Started(msgspec.Struct):
    """Properties of ``job.started``; the rest of the job is for clients."""

    job: _Head


class Ended(msgspec.Struct):
    """Properties of ``job.ended``."""

    jobID: str  # noqa: N815  the wire's name


class JobBook:
    def __init__(self) -> None:
        self._running: dict[str, list[str]] = {}

    def of(self, session: str) -> list[str]:
        """The ids of a session's running jobs."""
        return self._running.get(session, [])

    def observe(self, type: str, session: str, properties: bytes) -> None:
        """Raises msgspec.DecodeError."""
        if type == STARTED:
            id = msgspec.json.decode(properties, type=Started).job.id
            self._running.setdefault(session, []).append(id)
        elif type == ENDED:
            self._forget(session, msgspec.json.decode(properties, type=Ended).jobID)

    def close(self, session: str) -> list[str]:
        """The session's worker has ended, and with it these."""
        return self._running.pop(session, [])

    def _forget(self, session: str, id: str) -> None:
        left = [other for other in self.of(session) if other != id]
        if left:
            self._running[session] = left
        else:
            self._running.pop(session, None)
