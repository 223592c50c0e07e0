"""What becomes of sessions from a file here: where they belong, what they keep, and the one event that brings them."""

from collections.abc import Mapping, Sequence

import msgspec

from oad.contract.session import Session, SessionTime

from .reading import Arrived
from .renaming import name_anew, rename, rename_mentions


class Home(msgspec.Struct, frozen=True):
    """Where sessions are taken in."""

    directory: str
    project: str
    path: str


class Packed(msgspec.Struct):
    """A session as the event that brings it has it."""

    info: Session
    messages: list[msgspec.Raw]
    todos: msgspec.Raw
    diff: msgspec.Raw


def settle(session: Session, home: Home, parent: str | None, here: Session | None) -> Session:
    """The record as it holds here. A file grants nothing: rules that allow, limits and shares are the server's own, and
    a session that it replaces (``here``) keeps those that it had, and its place."""
    denied = [rule for rule in session.permission or () if rule.action != "allow"] or None
    time = SessionTime(created=session.time.created, updated=session.time.updated, archived=session.time.archived)
    revert = session.revert
    settled = msgspec.structs.replace(
        session,
        directory=home.directory,
        project_id=home.project,
        path=home.path,
        parent_id=parent,
        workspace_id=None,
        time=time,
        share=None,
        # Snapshots of files stay where they were taken.
        revert=revert and msgspec.structs.replace(revert, snapshot=None, diff=None, problem=None),
        permission=denied,
        on_ask=None,
        limits=None,
    )
    return settled if here is None else _in_place_of(here, settled)


def _in_place_of(here: Session, settled: Session) -> Session:
    names = ("directory", "project_id", "path", "parent_id", "workspace_id", "share", "permission", "on_ask", "limits")
    return msgspec.structs.replace(settled, **{name: getattr(here, name) for name in names})


def pack(arrived: Sequence[Arrived], settled: Sequence[Session], sessions: Mapping[str, str]) -> bytes:
    """The event's properties, in which each session stands under the id that ``sessions`` gives it. Blocks."""
    packed = [_pack(each, session, sessions) for each, session in zip(arrived, settled, strict=True)]
    return msgspec.json.encode({"sessions": packed})


def _pack(each: Arrived, session: Session, sessions: Mapping[str, str]) -> Packed:
    names = name_anew(each, sessions)
    mentions = {old.encode(): new.encode() for old, new in names.items()}
    each.info = session
    rename(each, names)

    def encode(value: object) -> msgspec.Raw:
        return msgspec.Raw(rename_mentions(msgspec.json.encode(value), mentions))

    return Packed(
        info=each.info,
        messages=[encode(message) for message in each.messages],
        todos=encode(each.todos),
        diff=encode(each.diff),
    )
