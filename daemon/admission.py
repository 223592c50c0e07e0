"""What a worker may say: every event of a worker is checked before anything is done because of it.

A worker may be wrong or hostile, and what it sends is journalled, projected and shown to clients. So an event that does
not read as what it claims to be, or speaks of another session, never gets further than here.
"""

from typing import Any, Final

import msgspec

from oad.contract.message import Message, Part
from oad.contract.session import FileDiff, Todo
from oad.contract.terminal import PtyExited
from oad.contract.wire import Event, ProtocolError

from .audit.reports import EVENT
from .job_book import Ended, Started
from .journal import INTERNAL_PREFIX

# What the daemon alone says of sessions, asks, projects and itself.
_RESERVED: Final = (INTERNAL_PREFIX, "session.created", "session.updated", "session.deleted", "permission.",
                    "question.", "project.", "server.", "global.")  # fmt: skip
_OF_PROJECTS: Final = ("file.", "lsp.", "vcs.", "mcp.", "worktree.")
_LARGEST: Final = 2**53  # no time is beyond it, and SQLite's integers end at 2**63


class _Claims(msgspec.Struct):
    sessionID: str | None = None  # noqa: N815  the wire's name


class _MessageUpdated(msgspec.Struct):
    info: Message


class _PartUpdated(msgspec.Struct):
    part: Part


class _Removed(msgspec.Struct):
    messageID: str  # noqa: N815
    partID: str | None = None  # noqa: N815


class _DiffTold(msgspec.Struct):
    diff: list[FileDiff]


class _TodoUpdated(msgspec.Struct):
    todos: list[Todo]


_SHAPES: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "message.updated": msgspec.json.Decoder(_MessageUpdated),
    "message.part.updated": msgspec.json.Decoder(_PartUpdated),
    "message.removed": msgspec.json.Decoder(_Removed),
    "message.part.removed": msgspec.json.Decoder(_Removed),
    "session.diff": msgspec.json.Decoder(_DiffTold),
    "todo.updated": msgspec.json.Decoder(_TodoUpdated),
    "job.started": msgspec.json.Decoder(Started),
    "job.ended": msgspec.json.Decoder(Ended),
}
_exited: Final = msgspec.json.Decoder(PtyExited)
_CODES: Final = 256
_claims: Final = msgspec.json.Decoder(_Claims)


def check_event(kind: str, name: str, event: Event, properties: bytes) -> None:
    """``kind`` and ``name`` of the worker that sent it. Raises ProtocolError."""
    if event.type == EVENT:
        return  # is read, and refused, where it is written down
    if kind == "pty":
        _check_terminal(name, event, properties)
        return
    if kind == "session":
        if event.session != name or event.type.startswith(_RESERVED):
            raise ProtocolError(f"{name} sent {event.type} of {event.session}")
    elif event.session or not event.type.startswith(_OF_PROJECTS):
        raise ProtocolError(f"{name} sent {event.type} of {event.session or 'no session'}")
    try:
        _check_properties(event, properties)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{event.type} of {name}: {error}") from error


def _check_terminal(name: str, event: Event, properties: bytes) -> None:
    """It has one thing to say: that its own program has ended."""
    try:
        exited = _exited.decode(properties) if event.type == "pty.exited" and not event.session else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{event.type} of {name}: {error}") from error
    if exited is None or exited.id != name or not 0 <= exited.exit_code < _CODES:
        raise ProtocolError(f"{name} sent {event.type} of {event.session or 'no session'}")


def _check_properties(event: Event, properties: bytes) -> None:
    properties.decode()  # msgspec skips over what it is not asked for, and clients could not read it
    claimed = {_claims.decode(properties).sessionID}
    shape = _SHAPES.get(event.type)
    found = shape.decode(properties) if shape is not None else None
    if isinstance(found, _MessageUpdated):
        claimed.add(found.info.session_id)
        if not 0 <= found.info.time.created < _LARGEST:
            raise ProtocolError(f"{event.type} of {event.session}: a time out of range")
    elif isinstance(found, _PartUpdated):
        claimed.add(found.part.session_id)
    if event.session and claimed - {event.session, None}:
        raise ProtocolError(f"{event.session} sent {event.type} which speaks of {claimed}")
