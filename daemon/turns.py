"""What the daemon knows of running turns: each session's status, and what streamed but is not yet in a record."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from oad.contract.ids import now_ms
from oad.contract.message import NamedError
from oad.contract.session import Session

from .closing import close_message, close_part
from .journal import Journal, Place
from .sessions import place_of
from .store import Store

_IDLE: Final = {"type": "idle"}
_PIECES: Final = 512
_MAX_STREAMED: Final = 4 * 1024 * 1024  # characters remembered per part, in case its worker dies


def _ignore(session: str) -> None:
    """Nobody listens."""


class _Delta(msgspec.Struct):
    partID: str  # noqa: N815  the wire's name
    field: str
    delta: str


class _StatusChange(msgspec.Struct):
    status: dict[str, Any]


class _PartHead(msgspec.Struct):
    id: str


class _PartChange(msgspec.Struct):
    part: msgspec.Raw


class _Streamed:
    """The beginning of what streamed of one part, in few and bounded pieces."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        text = text[: _MAX_STREAMED - self._size]
        self._size += len(text)
        self._pieces.append(text)
        if len(self._pieces) > _PIECES:
            self._pieces = [self.text()]

    def text(self) -> str:
        return "".join(self._pieces)


class Turns:
    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self.statuses: dict[str, dict[str, Any]] = {}  # sessions that are not idle
        self.on_change: Callable[[str], None] = _ignore  # hears when one becomes busy or idle; must not raise
        self._numbers: dict[str, int] = {}  # session -> number of the turn it is in
        self._begun = 0  # turns so far, of all sessions
        self._streamed: dict[str, dict[str, _Streamed]] = {}  # session -> part -> what streamed of it
        self._running: dict[str, dict[str, bytes]] = {}  # session -> part -> record newer than the stored one

    def observe(self, type: str, session: str, properties: bytes, *, durable: bool) -> None:
        """Takes note of a worker's event before it is published. Raises msgspec.DecodeError for a malformed one."""
        if type == "message.part.delta":
            self._note_delta(session, msgspec.json.decode(properties, type=_Delta))
        elif type == "message.part.updated":
            self._note_part(session, msgspec.json.decode(properties, type=_PartChange).part, durable=durable)
        elif type == "session.status":
            self._note_status(session, msgspec.json.decode(properties, type=_StatusChange).status)

    def busy(self, session: str) -> bool:
        return session in self.statuses

    def number(self, session: str) -> int:
        """Of the turn that the session is in, which no other turn has; 0 when it is in none."""
        return self._numbers.get(session, 0)

    def latest(self, session: str, part: str, stored: bytes) -> bytes:
        """A part's newest record: that of a running tool changes without being journalled."""
        return self._running.get(session, {}).get(part, stored)

    def forget(self, session: str) -> None:
        for kept in (self._numbers, self._streamed, self._running):
            kept.pop(session, None)
        if self.statuses.pop(session, None) is not None:
            self.on_change(session)

    def repeat_status(self, session: Session) -> None:
        """Publishes idle for a session that is; one that is busy has its worker to say so."""
        if not self.busy(session.id):
            self._publish_idle(session.id, place_of(session), durable=False)

    def _publish_idle(self, session: str, place: Place, *, durable: bool) -> None:
        self._journal.append("session.status", {"sessionID": session, "status": _IDLE}, place, durable=durable)
        self._journal.append("session.idle", {"sessionID": session}, place, durable=durable)

    def close(self, session: Session, error: NamedError, *, told_busy: bool = False) -> bool:
        """Ends what the session's last worker left open and publishes idle. Needs everything before to be committed.
        ``told_busy``: clients were told so by a daemon that is no more.

        Returns whether anything was open."""
        now, place = now_ms(), place_of(session)
        messages = self._store.open_messages(session.id)
        was_busy = told_busy or self.busy(session.id)
        for message in messages:
            self._close_parts(session.id, message, place, now)
            self._close_message(session.id, message, error, place, now)
        self.forget(session.id)
        if messages or was_busy:
            self._journal.append("session.error", {"sessionID": session.id, "error": error}, place)
            self._publish_idle(session.id, place, durable=True)
        return bool(messages or was_busy)

    def _close_message(self, session: str, message: str, error: NamedError, place: Place, now: int) -> None:
        stored = self._store.message(session, message)
        closed = close_message(stored, error, now) if stored is not None else None
        if closed is not None:
            self._journal.append("message.updated", {"sessionID": session, "info": closed}, place)

    def _close_parts(self, session: str, message: str, place: Place, now: int) -> None:
        streamed = self._streamed.get(session, {})
        for _, part, stored in self._store.parts(session, [message]):
            closed = close_part(
                self.latest(session, part, stored), streamed[part].text() if part in streamed else "", now
            )
            if closed is not None:
                properties = {"sessionID": session, "part": closed, "time": now}
                self._journal.append("message.part.updated", properties, place)

    def _note_delta(self, session: str, delta: _Delta) -> None:
        if delta.field != "text":
            return
        streamed = self._streamed.setdefault(session, {}).setdefault(delta.partID, _Streamed())
        streamed.add(delta.delta)

    def _note_part(self, session: str, part: msgspec.Raw, *, durable: bool) -> None:
        id = msgspec.json.decode(part, type=_PartHead).id
        self._streamed.get(session, {}).pop(id, None)  # the record has it
        if durable:
            self._running.get(session, {}).pop(id, None)
        else:
            self._running.setdefault(session, {})[id] = bytes(part)

    def _note_status(self, session: str, status: dict[str, Any]) -> None:
        if status.get("type") == "idle":
            self._numbers.pop(session, None)
            if self.statuses.pop(session, None) is not None:
                self.on_change(session)
            return
        if session not in self.statuses:  # a new turn: what the last one never recorded concerns nobody any more
            self._begun += 1
            self._numbers[session] = self._begun
            self._streamed.pop(session, None)
            self._running.pop(session, None)
            self.statuses[session] = status
            self.on_change(session)
        self.statuses[session] = status
