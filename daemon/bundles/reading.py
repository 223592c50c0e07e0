"""A file with sessions, checked before anything is done with it. What is wrong is named with its place in the file.

One message is decoded after the other, so that the daemon's other work goes on between them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from oad.contract.errors import ApiError, bad_request
from oad.contract.ids import MessageID, PartID, SessionID
from oad.contract.message import MessageWithParts
from oad.contract.session import FileDiff, Session, Todo

Path = tuple[str | int, ...]

_DEEPEST: Final = 32  # generations of subagents
_LARGEST_TIME: Final = 2**53  # as everywhere on the wire; SQLite's integers end at 2**63
_MISSING: Final = re.compile(r"Object missing required field `([^`]+)`")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class Arrived(msgspec.Struct):
    """One session of a file. ``at`` is where it stands there."""

    at: Path
    info: Session
    messages: list[MessageWithParts]
    todos: list[Todo]
    diff: list[FileDiff]


_NONE: Final = msgspec.Raw(b"[]")


class Outline(msgspec.Struct):
    """A file whose records are not decoded yet."""

    info: msgspec.Raw
    messages: list[msgspec.Raw]
    todos: msgspec.Raw = _NONE
    diff: msgspec.Raw = _NONE
    children: list[msgspec.Raw] | None = None


class _Ids(msgspec.Struct):
    """What ids must look like here: they are looked up, logged, and parts of paths."""

    session: SessionID | None = None
    message: MessageID | None = None
    part: PartID | None = None


_outline: Final = msgspec.json.Decoder(Outline)
_session: Final = msgspec.json.Decoder(Session)
_message: Final = msgspec.json.Decoder(MessageWithParts)
_todos: Final = msgspec.json.Decoder(list[Todo])
_diff: Final = msgspec.json.Decoder(list[FileDiff])


def read_sessions(body: bytes) -> list[Arrived]:
    """Of one file, or of a JSON array of several: each session before its subagents'. Blocks. Raises ApiError 400."""
    found = list(_read_all(body))
    if not found:
        raise bad_request("There is no session in it")
    seen: dict[str, Path] = {}
    for each in found:
        if each.info.id in seen:
            raise _wrong(f"Session {each.info.id} stands in it twice", (*each.at, "info", "id"))
        seen[each.info.id] = each.at
    _check_parents(found)
    return found


def _read_all(body: bytes) -> Iterator[Arrived]:
    if body.lstrip()[:1] == b"[":
        for index, raw in enumerate(_decoded(msgspec.json.Decoder(list[msgspec.Raw]), body, ())):
            yield from _read(raw, (index,), 0)
    else:
        yield from _read(body, (), 0)


def _read(raw: bytes | msgspec.Raw, at: Path, depth: int) -> Iterator[Arrived]:
    if depth > _DEEPEST:
        raise _wrong(f"Subagents are nested deeper than {_DEEPEST} times", at)
    outline: Outline = _decoded(_outline, raw, at)
    info: Session = _decoded(_session, outline.info, (*at, "info"))
    _check_session(info, (*at, "info"))
    yield Arrived(
        at=at,
        info=info,
        messages=list(_read_messages(outline.messages, info.id, (*at, "messages"))),
        todos=_decoded(_todos, outline.todos, (*at, "todos")),
        diff=_decoded(_diff, outline.diff, (*at, "diff")),
    )
    for index, child in enumerate(outline.children or ()):
        yield from _read(child, (*at, "children", index), depth + 1)


def _read_messages(raws: Sequence[msgspec.Raw], session: str, at: Path) -> Iterator[MessageWithParts]:
    messages: set[str] = set()
    parts: set[str] = set()
    for index, raw in enumerate(raws):
        here = (*at, index)
        message: MessageWithParts = _decoded(_message, raw, here)
        info = message.info
        _check_id("message", info.id, (*here, "info", "id"))
        _check_new(info.id, messages, (*here, "info", "id"))
        _check_same(info.session_id, session, (*here, "info", "sessionID"))
        _check_time(info.time.created, (*here, "info", "time", "created"))
        for number, part in enumerate(message.parts):
            place = (*here, "parts", number)
            _check_id("part", part.id, (*place, "id"))
            _check_new(part.id, parts, (*place, "id"))
            _check_same(part.session_id, session, (*place, "sessionID"))
            _check_same(part.message_id, info.id, (*place, "messageID"))
        yield message


def _check_session(info: Session, at: Path) -> None:
    _check_id("session", info.id, (*at, "id"))
    for name in ("created", "updated", "archived"):
        _check_time(getattr(info.time, name) or 0, (*at, "time", name))


def _check_parents(found: Sequence[Arrived]) -> None:
    """No session may be above itself."""
    parents = {each.info.id: each.info.parent_id for each in found}
    for each in found:
        seen, above = set[str](), each.info.parent_id
        while above is not None and above in parents and above not in seen:
            if above == each.info.id:
                raise _wrong(f"Session {above} is above itself", (*each.at, "info", "parentID"))
            seen.add(above)
            above = parents[above]


def _check_id(kind: str, id: str, at: Path) -> None:
    try:
        msgspec.convert({kind: id}, _Ids)
    except msgspec.ValidationError:
        prefix = {"session": "ses", "message": "msg", "part": "prt"}[kind]
        text = f'Expected an id that begins with "{prefix}" and has letters, digits, dashes and underscores only'
        raise _wrong(f"{text}, got {_shown(id)}", at) from None


def _check_new(id: str, seen: set[str], at: Path) -> None:
    if id in seen:
        raise _wrong(f"{id} stands in it twice", at)
    seen.add(id)


def _check_same(found: str, wanted: str, at: Path) -> None:
    if found != wanted:
        raise _wrong(f"Expected {_shown(wanted)}, got {_shown(found)}", at)


def _check_time(found: float, at: Path) -> None:
    if not 0 <= found < _LARGEST_TIME:
        raise _wrong(f"Expected milliseconds since 1970, got {found}", at)


def _decoded(decoder: msgspec.json.Decoder[Any], raw: bytes | msgspec.Raw, at: Path) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), at) from None
    except RecursionError:
        raise _wrong("It is nested too deeply", at) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"It is not valid JSON: {error}", at) from None


def _misfit(text: str, at: Path) -> ApiError:
    problem, _, path = text.partition(" - at `$")
    steps = (name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(path.rstrip("`")))
    place = (*at, *steps)
    if missing := _MISSING.match(problem):
        return _wrong("Missing key", (*place, missing[1]))
    return _wrong(problem.replace("`", ""), place)


def _shown(value: str) -> str:
    return msgspec.json.encode(value[:100]).decode()


def _wrong(problem: str, at: Path) -> ApiError:
    place = "".join(f"[{msgspec.json.encode(step).decode()}]" for step in at)
    return bad_request(f"{problem}\n  at {place}" if place else problem)
