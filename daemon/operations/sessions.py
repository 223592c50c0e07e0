"""Sessions: list, create, read, change, fork, delete."""

import random
from datetime import UTC, datetime
from typing import Final

import msgspec

from oad import API_VERSION
from oad.contract.errors import named
from oad.contract.ids import new_id, now_ms
from oad.contract.message import AssistantMessage, Message, Part
from oad.contract.session import Session, SessionCreate, SessionFork, SessionPatch, SessionTime, no_tokens
from oad.link import Answer

from ..journal import Place
from ..sessions import place_of
from ..store import SessionFilter
from .context import TRUE, Operation, Request, join_json, json_answer
from .projects import resolve_project

_ADJECTIVES: Final = ("amber", "brave", "calm", "clever", "crisp", "eager", "gentle", "lucky", "misty", "swift", "tidy")
_NOUNS: Final = (
    "badger",
    "canyon",
    "comet",
    "falcon",
    "forest",
    "harbor",
    "island",
    "meadow",
    "otter",
    "panda",
    "river",
)


async def list_sessions(request: Request) -> Answer:
    params = request.params
    by_project = params.get("scope") == "project" or "path" in params
    project = await resolve_project(request.services, params["directory"]) if by_project else None
    wanted = SessionFilter(
        directory=None if by_project else params["directory"],
        project=project.id if project else None,
        path=params.get("path") or None,
        roots=params.get("roots") == "true",
        start=float(params["start"]) if "start" in params else None,
        search=params.get("search"),
        limit=_limit(params.get("limit")),
    )
    return Answer(join_json(request.services.store.sessions(wanted)))


async def list_everywhere(request: Request) -> Answer:
    """All directories unless one is named; each record with its project; a cursor into older ones."""
    params = request.params
    limit = _limit(params.get("limit", "100"))
    wanted = SessionFilter(
        directory=params.get("filterDirectory"),
        roots=params.get("roots") == "true",
        start=float(params["start"]) if "start" in params else None,
        before=int(float(params["cursor"])) if "cursor" in params else None,
        search=params.get("search"),
        archived=params.get("archived") == "true",
        limit=None if limit is None else limit + 1,
    )
    found = [msgspec.json.decode(data, type=dict) for data in request.services.store.sessions(wanted)]
    headers = {}
    if limit is not None and len(found) > limit:
        found = found[:limit]
        headers = {"x-next-cursor": str(found[-1]["time"]["updated"])} if found else {}
    for record in found:
        data = request.services.store.project(record["projectID"])
        record["project"] = None if data is None else _summary(msgspec.json.decode(data, type=dict))
    return json_answer(found, headers)


def _summary(project: dict[str, object]) -> dict[str, object]:
    return {key: project[key] for key in ("id", "name", "worktree") if key in project}


def _limit(text: str | None) -> int | None:
    """As the reference takes it: absent 100, 0 none, negative or no number all."""
    if text is None:
        return 100
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number >= 0 else None


async def create_session(request: Request) -> Answer:
    wanted: SessionCreate = request.decode(SessionCreate)
    services, directory = request.services, request.params["directory"]
    if request.caller:
        directory = services.sessions.find(request.caller).directory
    project = await resolve_project(services, directory)
    now = now_ms()
    session = Session(
        id=new_id("ses"),
        slug=f"{random.choice(_ADJECTIVES)}-{random.choice(_NOUNS)}",  # noqa: S311  a name, not a secret
        project_id=project.id,
        directory=directory,
        path=project.path,
        title=wanted.title or _default_title(wanted.parent_id is not None),
        version=API_VERSION,
        time=SessionTime(created=now, updated=now),
        parent_id=wanted.parent_id,
        workspace_id=wanted.workspace_id,
        cost=0,
        tokens=no_tokens(),
        agent=wanted.agent,
        model=wanted.model,
        metadata=wanted.metadata,
        permission=wanted.permission,
    )
    return json_answer(services.sessions.save(session, created=True))


def _default_title(is_child: bool) -> str:
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{'Child' if is_child else 'New'} session - {stamp}"


async def get_session(request: Request) -> Answer:
    return json_answer(request.services.sessions.find(request.params["sessionID"]))


async def update_session(request: Request) -> Answer:
    """Title, metadata (replaced), permission rules (appended), archive time. Without any of them it is no event."""
    patch: SessionPatch = request.decode(SessionPatch)
    session = request.services.sessions.find(request.params["sessionID"])
    changed = _patched(session, patch)
    return json_answer(session if changed is None else request.services.sessions.save(changed))


def _patched(session: Session, patch: SessionPatch) -> Session | None:
    """As the reference does it: only metadata and rules count as a change of the session's time."""
    archived = patch.time.archived if patch.time is not None else None
    given = (patch.title, patch.metadata, patch.permission, archived)
    if all(value is None for value in given):
        return None
    changed = msgspec.structs.replace(session, time=msgspec.structs.replace(session.time))
    if patch.title is not None:
        changed.title = patch.title
    if patch.metadata is not None:
        changed.metadata = patch.metadata
    if patch.permission is not None:
        changed.permission = [*(session.permission or []), *patch.permission]
    if patch.metadata is not None or patch.permission is not None:
        changed.time.updated = now_ms()
    if archived is not None:
        changed.time.archived = int(archived)
    return changed


async def delete_session(request: Request) -> Answer:
    """With its subagents' sessions; a running turn is stopped first, for good."""
    await _delete_tree(request, request.services.sessions.find(request.params["sessionID"]))
    return TRUE


async def _delete_tree(request: Request, session: Session) -> None:
    services = request.services
    for child in services.store.child_ids(session.id):
        if services.sessions.exists(child):
            await _delete_tree(request, services.sessions.find(child))
    await services.supervisor.end_session(session.id)
    services.asks.drop(session.id)
    services.turns.forget(session.id)
    services.sessions.delete(session)


async def session_status(request: Request) -> Answer:
    """Only those that are not idle, in the caller's directory; ``all`` lists every one."""
    services, directory = request.services, request.params["directory"]
    statuses = {id: s for id, s in services.turns.statuses.items() if services.sessions.find(id).directory == directory}
    if request.params.get("all") == "true":
        known = services.store.sessions(SessionFilter(directory=directory, limit=None))
        ids = [msgspec.json.decode(data, type=Session).id for data in known]
        statuses = {id: {"type": "idle"} for id in ids} | statuses
    return json_answer(statuses)


async def list_children(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    return Answer(join_json(request.services.store.children(session.id)))


async def get_todo(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    return Answer(request.services.store.todo(session.id))


async def get_diff(request: Request) -> Answer:
    """The changes that a user message's turn made, as its summary records them."""
    services, params = request.services, request.params
    session_id, message_id = params["sessionID"], params.get("messageID")
    stored = services.store.message(session_id, message_id) if message_id else None
    message = msgspec.json.decode(stored, type=dict) if stored is not None else {}
    return json_answer(message.get("summary", {}).get("diffs", []) if isinstance(message.get("summary"), dict) else [])


async def fork_session(request: Request) -> Answer:
    """A copy, under new ids, of everything or of what lies before a message; of a busy session what is complete."""
    services = request.services
    wanted: SessionFork = request.decode(SessionFork)
    source = services.sessions.find(request.params["sessionID"])
    await services.journal.settled()
    now = now_ms()
    fork = msgspec.structs.replace(
        source,
        id=new_id("ses"),
        title=_fork_title(source.title),
        time=SessionTime(created=now, updated=now),
        parent_id=None,
        cost=0,
        tokens=no_tokens(),
        revert=None,
        share=None,
        summary=None,
    )
    services.sessions.save(fork, created=True)
    services.journal.append("oad.session.forked", {"source": source.id}, place_of(fork))
    _copy_messages(request, source.id, place_of(fork), wanted.message_id)
    return json_answer(fork)


def _fork_title(title: str) -> str:
    head, mark, tail = title.rpartition(" (fork #")
    if mark and tail.endswith(")") and tail[:-1].isdigit():
        return f"{head} (fork #{int(tail[:-1]) + 1})"
    return f"{title} (fork #1)"


def _copy_messages(request: Request, source: str, target: Place, before: str | None) -> None:
    store, journal = request.services.store, request.services.journal
    renamed: dict[str, str] = {}
    parts: dict[str, list[bytes]] = {}
    for message, _, part in store.parts(source):
        parts.setdefault(message, []).append(part)
    for id, _, data in store.messages(source):
        if before is not None and id >= before:
            break
        info = msgspec.json.decode(data, type=Message)
        if isinstance(info, AssistantMessage) and info.time.completed is None:
            break
        renamed[id] = info.id = new_id("msg")
        info.session_id = target.session
        if isinstance(info, AssistantMessage):
            info.parent_id = renamed.get(info.parent_id, info.parent_id)
        journal.append("message.updated", {"sessionID": target.session, "info": info}, target)
        for data in parts.get(id, []):
            part = msgspec.json.decode(data, type=Part)
            part.id, part.message_id, part.session_id = new_id("prt"), info.id, target.session
            properties = {"sessionID": target.session, "part": part, "time": now_ms()}
            journal.append("message.part.updated", properties, target)


async def abort_session(request: Request) -> Answer:
    """True once nothing of the turn runs any more; also for a session that is idle or unknown."""
    session_id = request.params["sessionID"]
    if request.services.sessions.exists(session_id):
        receipt = await request.services.supervisor.abort(request.services.sessions.find(session_id))
        if receipt.survivors:
            raise named(
                500, "AbortIncompleteError", message="Processes survived the abort", survivors=receipt.survivors
            )
    return TRUE


async def abort_receipt(request: Request) -> Answer:
    """What the last abort did: rung reached, signals with their times, processes killed, survivors."""
    session = request.services.sessions.find(request.params["sessionID"])
    stored = request.services.store.receipt(session.id)
    if stored is None:
        raise named(404, "NotFoundError", message=f"Session {session.id} was never aborted")
    return Answer(stored)


SESSIONS: Final[dict[str, Operation]] = {
    "session.list": list_sessions,
    "experimental.session.list": list_everywhere,
    "session.create": create_session,
    "session.get": get_session,
    "session.update": update_session,
    "session.delete": delete_session,
    "session.status": session_status,
    "session.children": list_children,
    "session.todo": get_todo,
    "session.diff": get_diff,
    "session.fork": fork_session,
    "session.abort": abort_session,
    "session.abortReceipt": abort_receipt,
}
