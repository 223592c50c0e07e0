"""The session records: read through a cache, changed only by events.

A change is visible here at once, in the database when the journal has committed it. The cache holds what was changed
lately, so that a second change never starts from a stale row.
"""

from collections import OrderedDict
from typing import Any, Final

import msgspec

from oad.contract.errors import session_not_found
from oad.contract.session import Session, Tokens, add_tokens, decode_session, no_tokens

from .journal import Journal, Place
from .store import Store

_CACHED: Final = 512

# What a worker may change of its session's record; everything else belongs to the daemon or to clients.
PATCHABLE: Final = ("title", "agent", "model", "summary", "permission", "revert", "path")


class Usage(msgspec.Struct):
    cost: float
    tokens: Tokens


class SessionPatched(msgspec.Struct, rename={"session_id": "sessionID"}):
    """Properties of the internal event by which a worker changes its session's record."""

    session_id: str
    patch: dict[str, msgspec.Raw] = {}
    usage: Usage | None = None
    touch: bool = False
    output: int = 0  # bytes that the session's commands have written by now
    accepted: bool = False  # a prompt is complete with it: all of it is to be on disk before it is answered


class Sessions:
    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self.total = store.session_count()
        # id -> (record, or None once deleted; number of the last event that changed it)
        self._cache: OrderedDict[str, tuple[Session | None, int]] = OrderedDict()

    def find(self, session_id: str) -> Session:
        """Raises ApiError 404."""
        cached = self._cache.get(session_id)
        if cached is not None:
            self._cache.move_to_end(session_id)
            record = cached[0]
        else:
            data = self._store.session(session_id)
            record = decode_session(data) if data is not None else None
        if record is None:
            raise session_not_found(session_id)
        return record

    def exists(self, session_id: str) -> bool:
        cached = self._cache.get(session_id)
        return cached[0] is not None if cached else self._store.session(session_id) is not None

    def save(self, session: Session, *, created: bool = False, full: bool = False, event: str = "") -> Session:
        """Publishes the record as it now is. ``event``: under this id."""
        properties = {"sessionID": session.id, "info": session}
        type = "session.created" if created else "session.updated"
        self.total += created
        self._journal.append(type, properties, place_of(session), full=full, id=event)
        self._remember(session.id, session)
        return session

    def merge(self, changed: SessionPatched, now_ms: int) -> Session:
        """Applies what a worker says of its session. Raises ApiError 404, msgspec.ValidationError for a wrong patch."""
        session = self.find(changed.session_id)
        record: dict[str, Any] = msgspec.to_builtins(session)
        for key in PATCHABLE:
            if key in changed.patch:
                record[key] = msgspec.json.decode(changed.patch[key])
        merged = msgspec.convert({k: v for k, v in record.items() if v is not None}, Session)
        if changed.usage is not None:
            merged.cost = (merged.cost or 0) + changed.usage.cost
            merged.tokens = add_tokens(merged.tokens or no_tokens(), changed.usage.tokens)
        if changed.touch:
            merged.time = msgspec.structs.replace(merged.time, updated=now_ms)
        return self.save(merged, full=changed.accepted)

    def delete(self, session: Session) -> None:
        properties = {"sessionID": session.id, "info": session}
        self.total -= 1
        self._journal.append("session.deleted", properties, place_of(session))
        self._remember(session.id, None)
        self._journal.then(lambda: self._forget(session.id))

    def _forget(self, session_id: str) -> None:
        """Of one that was deleted; from now on the database says so."""
        self._journal.forget(session_id)
        if self._cache.get(session_id, (None, 0))[0] is None:  # else it was imported again
            self._cache.pop(session_id, None)

    def _remember(self, session_id: str, record: Session | None) -> None:
        self._cache[session_id] = (record, self._journal.last_seq)
        self._cache.move_to_end(session_id)
        while len(self._cache) > _CACHED and next(iter(self._cache.values()))[1] <= self._journal.committed_seq:
            self._cache.popitem(last=False)


def place_of(session: Session) -> Place:
    return Place(directory=session.directory, project=session.project_id, session=session.id)
