"""Sessions: list, create, read, change, fork, delete."""

import random
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from oad import API_VERSION
from oad.contract.errors import bad_request, named, session_not_found
from oad.contract.ids import new_id, now_ms
from oad.contract.message import Message, UserMessage
from oad.contract.session import OnAskWish, Session, SessionCreate, SessionPatch, SessionTime, no_tokens
from oad.link import Answer

from ..abort import RECEIPT_TYPE, Receipt
from ..ladder import Mode, Plan, make_plan
from ..patience import is_laxer
from ..store import SessionFilter
from .context import TRUE, Operation, Request, Services, join_json, json_answer
from .forks import fork_session
from .projects import resolve_project

_MODES: Final[dict[str, Mode]] = {"soft": "soft", "term": "term", "kill": "kill"}
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
    found = [_object(data) for data in request.services.store.sessions(wanted)]
    headers: dict[str, str] = {}
    if limit is not None and len(found) > limit:
        found = found[:limit]
        headers = {"x-next-cursor": str(found[-1]["time"]["updated"])} if found else {}
    for record in found:
        data = request.services.store.project(record["projectID"])
        record["project"] = None if data is None else _summary(_object(data))
    return json_answer(found, headers)


def _object(data: bytes) -> dict[str, Any]:
    return msgspec.json.decode(data, type=dict[str, Any])


def _summary(project: dict[str, Any]) -> dict[str, Any]:
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
    if request.caller:  # a worker gets subagents of its own session, and nothing else
        directory, wanted.parent_id = services.sessions.find(request.caller).directory, request.caller
    project = await resolve_project(services, directory)
    services.limits.check(wanted.limits)
    services.check_count()  # from here to the end nobody else can create one
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
        limits=wanted.limits,
        on_ask=_allowed_wish(services, wanted.on_ask),
    )
    services.sessions.save(session, created=True)
    if wanted.parent_id is not None:
        services.sandboxes.inherit(session, wanted.parent_id, wanted.sandbox)
    elif wanted.sandbox is not None:
        services.sandboxes.wish(session, wanted.sandbox)
    return json_answer(session)


async def get_limits(request: Request) -> Answer:
    """What holds, what is used, and the peaks."""
    session = request.services.sessions.find(request.params["sessionID"])
    return json_answer(request.services.limits.report(session))


def _allowed_wish(services: Services, wish: OnAskWish | None) -> OnAskWish | None:
    """Raises ApiError 400 for a wish that is laxer than the operator's policy."""
    operator = services.supervisor.policy.asks
    if wish is not None and is_laxer(wish, operator):
        waits = "" if operator.wait_s is None else f" for {operator.wait_s:g} s"
        raise bad_request(f"onAsk may not be laxer than the operator's policy: {operator.on_ask}{waits}")
    return wish


def _default_title(is_child: bool) -> str:
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{'Child' if is_child else 'New'} session - {stamp}"


async def get_session(request: Request) -> Answer:
    return json_answer(request.services.sessions.find(request.params["sessionID"]))


async def update_session(request: Request) -> Answer:
    """Title, metadata and limits (replaced), permission rules (appended), archive time. An empty patch is no event."""
    patch: SessionPatch = request.decode(SessionPatch)
    session = request.services.sessions.find(request.params["sessionID"])
    request.services.limits.check(patch.limits)
    _allowed_wish(request.services, patch.on_ask)
    if patch.sandbox is not None:
        request.services.sandboxes.wish(session, patch.sandbox)
    changed = _patched(session, patch)
    return json_answer(session if changed is None else request.services.sessions.save(changed))


def _patched(session: Session, patch: SessionPatch) -> Session | None:
    """As the reference does it: only metadata and rules count as a change of the session's time."""
    archived = patch.time.archived if patch.time is not None else None
    given = (patch.title, patch.metadata, patch.permission, archived, patch.on_ask, patch.limits)
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
    if patch.on_ask is not None:
        changed.on_ask = patch.on_ask
    if patch.limits is not None:
        changed.limits = patch.limits
    if archived is not None:
        changed.time.archived = int(archived)
    return changed


async def delete_session(request: Request) -> Answer:
    """With its subagents' sessions; a running turn is stopped first, for good."""
    await delete_tree(request.services, request.services.sessions.find(request.params["sessionID"]))
    return TRUE


async def delete_tree(services: Services, session: Session) -> None:
    """Of the session and all below it nothing is left when it returns but the news of their end."""
    services.turnstile.withdraw(session.id, session_not_found(session.id))
    await services.supervisor.end_session(session.id)  # before its subagents: it might begin another
    for child in services.store.child_ids(session.id):
        if services.sessions.exists(child):
            await delete_tree(services, services.sessions.find(child))
    if services.sessions.exists(session.id):  # else somebody else's deletion was faster
        services.asks.drop(session.id)
        services.turns.forget(session.id)
        services.sessions.delete(session)
        services.journal.then(services.store_upkeep.soon)
        services.limits.forget(session.id)
        services.sandboxes.forget(session.id)
        services.supervisor.snapshots.forget(session)
    await services.supervisor.end_session(session.id)  # of a prompt that came between its end and its deletion


async def session_status(request: Request) -> Answer:
    """Only those that are not idle, in the caller's directory; ``all`` lists every one."""
    services, directory = request.services, request.params["directory"]
    known = services.turnstile.statuses() | services.turns.statuses
    statuses = {id: status for id, status in known.items() if _is_in(services, id, directory)}
    if request.params.get("all") == "true":
        stored = services.store.sessions(SessionFilter(directory=directory, limit=None))
        ids = [msgspec.json.decode(data, type=Session).id for data in stored]
        statuses = {id: {"type": "idle"} for id in ids} | statuses
    return json_answer(statuses)


def _is_in(services: Services, session: str, directory: str) -> bool:
    return services.sessions.exists(session) and services.sessions.find(session).directory == directory


async def list_children(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    return Answer(join_json(request.services.store.children(session.id)))


async def get_todo(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    return Answer(request.services.store.todo(session.id))


async def get_diff(request: Request) -> Answer:
    """The changes that the answers to a message made, as its summary records them; or all of the session together."""
    services, params = request.services, request.params
    session_id, message_id = params["sessionID"], params.get("messageID")
    if message_id is None:
        return Answer(services.store.diff(session_id))
    stored = services.store.message(session_id, message_id) if message_id else None
    message = msgspec.json.decode(stored, type=Message) if stored is not None else None
    summary = message.summary if isinstance(message, UserMessage) else None
    return json_answer(summary.diffs if summary is not None else [])


async def abort_session(request: Request) -> Answer:
    """True, or the receipt, once nothing of the turn runs any more; also for a session that is idle or unknown.

    Of an idle one it is said again that it is idle: whoever aborts it has missed that, perhaps over a restart, and
    would show it as busy for ever."""
    session_id, services = request.params["sessionID"], request.services
    plan = services.supervisor.plan_of(request.caller) if request.caller else _plan(request.params)
    receipt = Receipt.nothing_to_do(session_id, plan)
    if services.sessions.exists(session_id):
        session, was_busy = services.sessions.find(session_id), services.turns.busy(session_id)
        receipt = await services.supervisor.abort(session, plan)
        if receipt.survivors:
            text = "Processes survived the abort"
            raise named(500, "AbortIncompleteError", message=text, survivors=receipt.survivors, receipt=receipt)
        if not was_busy:
            services.turns.repeat_status(session)
    if request.params.get("format") == RECEIPT_TYPE:
        return json_answer(receipt, {"content-type": RECEIPT_TYPE})
    return TRUE


def _plan(params: dict[str, str]) -> Plan:
    """Raises ApiError 400."""
    grace_s = float(params["grace"]) if "grace" in params else None
    try:
        return make_plan(_MODES[params.get("mode", "term")], grace_s, keep=params.get("keep") == "true")
    except ValueError as error:
        raise bad_request(str(error), "Query") from error


async def abort_receipt(request: Request) -> Answer:
    """What the last abort did: rung reached, signals with their times, processes killed, survivors."""
    session = request.services.sessions.find(request.params["sessionID"])
    stored = request.services.store.receipt(session.id)
    if stored is None:
        raise named(404, "NotFoundError", message=f"Session {session.id} was never aborted")
    return Answer(stored)


async def get_sandbox(request: Request) -> Answer:
    """What the session's commands may see and do, and what they last ran under."""
    return json_answer(request.services.sandboxes.state(request.services.sessions.find(request.params["sessionID"])))


SESSIONS: Final[dict[str, Operation]] = {
    "session.list": list_sessions,
    "experimental.session.list": list_everywhere,
    "session.create": create_session,
    "session.get": get_session,
    "session.limits": get_limits,
    "session.update": update_session,
    "session.delete": delete_session,
    "session.status": session_status,
    "session.children": list_children,
    "session.todo": get_todo,
    "session.diff": get_diff,
    "session.fork": fork_session,
    "session.abort": abort_session,
    "session.abortReceipt": abort_receipt,
    "session.sandbox": get_sandbox,
}
