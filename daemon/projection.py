"""What each durable event changes in the tables of sessions, messages and parts."""

import sqlite3
from typing import Any, Final

import msgspec

from oad.contract.session import Session


class Recorded(msgspec.Struct, frozen=True):
    """One durable event as the journal keeps it; ``properties`` is JSON."""

    seq: int
    id: str
    type: str
    directory: str
    project: str
    session: str
    aggregate_seq: int
    properties: bytes


class _PartTime(msgspec.Struct):
    end: float | None = None


class _PartState(msgspec.Struct):
    status: str


class _PartHead(msgspec.Struct):
    id: str
    type: str
    messageID: str  # noqa: N815  the wire's name
    time: _PartTime | None = None
    state: _PartState | None = None

    @property
    def is_open(self) -> bool:
        if self.state is not None:
            return self.state.status in ("pending", "running")
        return self.type in ("text", "reasoning") and self.time is not None and self.time.end is None


class _Time(msgspec.Struct):
    created: float
    completed: float | None = None


class _MessageHead(msgspec.Struct):
    id: str
    role: str
    time: _Time


class _Info(msgspec.Struct):
    info: msgspec.Raw


class _Part(msgspec.Struct):
    part: msgspec.Raw


class _Removed(msgspec.Struct):
    messageID: str = ""  # noqa: N815
    partID: str = ""  # noqa: N815


class _Diff(msgspec.Struct):
    diff: msgspec.Raw


class _Status(msgspec.Struct):
    status: dict[str, Any]


class _Todos(msgspec.Struct):
    todos: msgspec.Raw


class _Message(msgspec.Struct):
    info: msgspec.Raw
    parts: list[msgspec.Raw]


class _Imported(msgspec.Struct):
    info: msgspec.Raw
    messages: list[msgspec.Raw]
    todos: msgspec.Raw
    diff: msgspec.Raw


class _Imports(msgspec.Struct):
    sessions: list[_Imported]


_info: Final = msgspec.json.Decoder(_Info)
_part: Final = msgspec.json.Decoder(_Part)
_part_head: Final = msgspec.json.Decoder(_PartHead)
_head: Final = msgspec.json.Decoder(_MessageHead)
_session: Final = msgspec.json.Decoder(Session)
_message: Final = msgspec.json.Decoder(_Message)

IMPORTED: Final = "oad.session.imported"  # whole sessions at once, so that they are there entirely or not at all


def project(db: sqlite3.Connection, event: Recorded) -> None:
    """In the transaction in which the event is recorded. Most types change nothing here."""
    apply = _APPLY.get(event.type)
    if apply is not None:
        apply(db, event)


def as_kept(event: Recorded) -> Recorded:
    """What of it stays in the journal: whole sessions are in their own tables, and nobody follows them event by
    event."""
    return msgspec.structs.replace(event, properties=b"{}") if event.type == IMPORTED else event


def _put_session(db: sqlite3.Connection, event: Recorded) -> None:
    _insert_session(db, bytes(_info.decode(event.properties).info))


def _insert_session(db: sqlite3.Connection, raw: bytes) -> str:
    s = _session.decode(raw)
    db.execute(
        "INSERT OR REPLACE INTO session VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            s.id, s.project_id, s.directory, s.path, s.parent_id, s.title,
            s.time.created, s.time.updated, s.time.archived, raw,
        ),
    )  # fmt: skip
    return s.id


def _import(db: sqlite3.Connection, event: Recorded) -> None:
    for each in msgspec.json.decode(event.properties, type=_Imports).sessions:
        session = _insert_session(db, bytes(each.info))
        for table in ("message", "part", "todo", "diff"):
            db.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608
        for raw in each.messages:
            message = _message.decode(raw)
            _insert_message(db, session, bytes(message.info))
            for part in message.parts:
                _insert_part(db, session, bytes(part))
        db.execute("INSERT INTO todo VALUES (?,?)", (session, bytes(each.todos)))
        db.execute("INSERT INTO diff VALUES (?,?)", (session, bytes(each.diff)))


def _delete_session(db: sqlite3.Connection, event: Recorded) -> None:
    for table in ("message", "part", "todo", "diff", "receipt", "sandbox", "share", "busy"):
        db.execute(f"DELETE FROM {table} WHERE session = ?", (event.session,))  # noqa: S608
    db.execute("DELETE FROM session WHERE id = ?", (event.session,))
    db.execute("DELETE FROM fork WHERE child = ?1 OR source = ?1", (event.session,))


def _put_message(db: sqlite3.Connection, event: Recorded) -> None:
    _insert_message(db, event.session, bytes(_info.decode(event.properties).info))


def _insert_message(db: sqlite3.Connection, session: str, raw: bytes) -> None:
    head = _head.decode(raw)
    is_open = head.role == "assistant" and head.time.completed is None
    # A message that is sent again under its id keeps its place: what was said after it is no answer to something later.
    db.execute(
        "INSERT INTO message VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET open = excluded.open, data = excluded.data",
        (session, head.id, int(head.time.created), int(is_open), raw),
    )


def _delete_message(db: sqlite3.Connection, event: Recorded) -> None:
    message = msgspec.json.decode(event.properties, type=_Removed).messageID
    db.execute("DELETE FROM message WHERE session = ? AND id = ?", (event.session, message))
    db.execute("DELETE FROM part WHERE session = ? AND message = ?", (event.session, message))


def _put_part(db: sqlite3.Connection, event: Recorded) -> None:
    _insert_part(db, event.session, bytes(_part.decode(event.properties).part))


def _insert_part(db: sqlite3.Connection, session: str, raw: bytes) -> None:
    part = _part_head.decode(raw)
    db.execute(
        "INSERT OR REPLACE INTO part VALUES (?,?,?,?,?)",
        (session, part.id, part.messageID, raw, int(part.is_open)),
    )


def _delete_part(db: sqlite3.Connection, event: Recorded) -> None:
    part = msgspec.json.decode(event.properties, type=_Removed).partID
    db.execute("DELETE FROM part WHERE session = ? AND id = ?", (event.session, part))


def _put_todo(db: sqlite3.Connection, event: Recorded) -> None:
    todos = bytes(msgspec.json.decode(event.properties, type=_Todos).todos)
    db.execute("INSERT OR REPLACE INTO todo VALUES (?,?)", (event.session, todos))


def _put_diff(db: sqlite3.Connection, event: Recorded) -> None:
    diff = bytes(msgspec.json.decode(event.properties, type=_Diff).diff)
    db.execute("INSERT OR REPLACE INTO diff VALUES (?,?)", (event.session, diff))


def _put_project(db: sqlite3.Connection, event: Recorded) -> None:
    project = msgspec.json.decode(event.properties, type=dict[str, Any])
    db.execute("INSERT OR REPLACE INTO project VALUES (?,?,?)", (project["id"], project["worktree"], event.properties))


def _put_fork(db: sqlite3.Connection, event: Recorded) -> None:
    source = msgspec.json.decode(event.properties, type=dict[str, str])["source"]
    db.execute("INSERT OR REPLACE INTO fork VALUES (?,?)", (event.session, source))


def _put_receipt(db: sqlite3.Connection, event: Recorded) -> None:
    db.execute("INSERT OR REPLACE INTO receipt VALUES (?,?)", (event.session, event.properties))


def _put_sandbox(db: sqlite3.Connection, event: Recorded) -> None:
    db.execute("INSERT OR REPLACE INTO sandbox VALUES (?,?)", (event.session, event.properties))


def _put_status(db: sqlite3.Connection, event: Recorded) -> None:
    if msgspec.json.decode(event.properties, type=_Status).status.get("type") == "idle":
        db.execute("DELETE FROM busy WHERE session = ?", (event.session,))
    else:
        db.execute("INSERT OR IGNORE INTO busy VALUES (?)", (event.session,))


def _put_share(db: sqlite3.Connection, event: Recorded) -> None:
    share = msgspec.json.decode(event.properties, type=dict[str, Any])
    db.execute("DELETE FROM share WHERE session = ?", (event.session,))
    if share["id"] is not None:
        db.execute("INSERT INTO share VALUES (?,?,?)", (share["id"], event.session, share["expires"]))


_APPLY: Final = {
    "session.created": _put_session,
    "session.updated": _put_session,
    "session.deleted": _delete_session,
    "session.status": _put_status,
    "message.updated": _put_message,
    "message.removed": _delete_message,
    "message.part.updated": _put_part,
    "message.part.removed": _delete_part,
    "todo.updated": _put_todo,
    "session.diff": _put_diff,
    "project.updated": _put_project,
    "oad.session.forked": _put_fork,
    "oad.session.aborted": _put_receipt,
    "oad.session.sandbox": _put_sandbox,
    "oad.session.shared": _put_share,
    IMPORTED: _import,
}
