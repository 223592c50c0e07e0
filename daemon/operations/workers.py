"""What workers ask of the daemon: the state a turn starts from, credentials, and a person's decision."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import trio

from oad.contract.errors import ApiError
from oad.contract.ids import new_id
from oad.contract.permission import PermissionRequest, ToolReference
from oad.contract.redact import KNOWN
from oad.contract.session import OnAskWish, QuestionInfo, QuestionRequest, Session
from oad.contract.wire_model import WireModel
from oad.link import Answer

from ..asks import Settle
from ..patience import Patience, effective
from ..sessions import place_of
from .context import Operation, Request, Services, json_answer
from .language import touch
from .listening import tell_listening
from .shares import share_own_session
from .transcript import read_transcript


async def begin_turn(request: Request) -> Answer:
    """The calling session, every event it sent before included, what it lacks of the messages (see transcript), and
    ``_keys``."""
    services = request.services
    await services.journal.settled()
    session = services.sessions.find(request.caller)
    since = int(request.params["since"]) if "since" in request.params else None
    transcript = await trio.to_thread.run_sync(read_transcript, services, session.id, since)
    state = {
        "session": session,
        **{name: getattr(transcript, name) for name in transcript.__struct_fields__},
        **_keys(services),
        "depth": _depth(services, session),
        "limits": services.limits.of(session.id),
        "output": services.limits.ledger(session.id).output,
    }
    return json_answer(state)


def _depth(services: Services, session: Session) -> int:
    """How many sessions stand between this one and a person's."""
    seen = {session.id}
    while (parent := session.parent_id) and parent not in seen and services.sessions.exists(parent):
        seen.add(parent)
        session = services.sessions.find(parent)
    return len(seen) - 1


async def give_credentials(request: Request) -> Answer:
    """``{credentials, environment, secrets}``. The parameter ``provider`` names the one that is about to be used."""
    provider = request.params.get("provider")
    if provider:
        await request.services.renewal.freshen(provider, request.services.credentials.all)
    return json_answer(_keys(request.services))


def _keys(services: Services) -> dict[str, Any]:
    """What a worker needs to reach models; it keeps it in memory and passes it on to no program."""
    return {
        "credentials": services.credentials.for_workers(),
        "environment": _passed_on(services.secret_environment),
        "secrets": KNOWN.texts,
        "models": services.models.version,
    }


async def give_models(request: Request) -> Answer:
    """The operator's catalogue of models; an empty object without one."""
    return Answer(request.services.models.content or b"{}", 200, {})


def _passed_on(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "OPENCODE_AUTH_CONTENT"}


async def ask_permission(request: Request) -> Answer:
    """Waits for ``{"reply", "message"?}``. The parameter ``asking`` lists the patterns no rule decides."""
    wanted: PermissionRequest = request.decode(PermissionRequest)
    wanted.session_id = request.caller
    asking = request.params.get("asking")
    patterns = msgspec.json.decode(asking, type=list[str]) if asking else wanted.patterns
    place = place_of(request.services.sessions.find(request.caller))
    return await _wait(request, lambda s: request.services.asks.ask_permission(wanted, patterns, place, s), wanted.id)


class _Question(WireModel):
    questions: list[QuestionInfo]
    tool: ToolReference | None = None


async def ask_question(request: Request) -> Answer:
    """Waits for ``{"answers"}``; a dismissal is an error. The request's id is made here."""
    asked: _Question = request.decode(_Question)
    wanted = QuestionRequest(id=new_id("que"), session_id=request.caller, questions=asked.questions, tool=asked.tool)
    place = place_of(request.services.sessions.find(request.caller))
    return await _wait(request, lambda s: request.services.asks.ask_question(wanted, place, s), wanted.id)


async def _wait(request: Request, ask: Callable[[Settle], None], id: str) -> Answer:
    """The worker's call is answered when the ask is settled; a caller that gives up withdraws its ask."""
    services, done, outcome = request.services, trio.Event(), list[dict[str, Any] | ApiError]()

    def settle(result: dict[str, Any] | ApiError) -> None:
        outcome.append(result)
        done.set()

    ask(settle)
    try:
        await _settled(request, id, done)
    finally:
        if not done.is_set():  # cancelled, perhaps inside of a nursery, which would wrap what says so
            services.asks.withdraw(id)
    await services.journal.settled()  # the decision is on disk before anything is done because of it
    if isinstance(outcome[0], ApiError):
        raise outcome[0]
    return json_answer(outcome[0])


async def _settled(request: Request, id: str, done: trio.Event) -> None:
    """Waits for a person, as long as the session's policy allows, and answers in their place then."""
    services, session = request.services, request.services.sessions.find(request.caller)
    policy = effective(services.supervisor.policy.asks, _wishes(services, session))
    if policy.on_ask == "deny":
        services.asks.refuse(id, "policy")
    elif policy.on_ask == "allow":
        services.asks.allow_once(id)
    patience = Patience(policy, trio.current_time())
    while not done.is_set():
        place = session.directory
        heard, last = services.listeners.hears(place), services.listeners.last_heard(place)
        deadline, reason = patience.ends(heard=heard, last_heard=last)
        with trio.move_on_at(deadline) as limit:
            await _first_of(done, services.listeners.changed)
        if limit.cancelled_caught:
            services.asks.refuse(id, reason)


async def _first_of(*events: trio.Event) -> None:
    async with trio.open_nursery() as nursery:
        for event in events:
            nursery.start_soon(_end_with, event, nursery.cancel_scope)


async def _end_with(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _wishes(services: Services, session: Session) -> list[OnAskWish]:
    """Of a session and of those which it works for."""
    found, seen = [session.on_ask], {session.id}
    while (parent := session.parent_id) and parent not in seen and services.sessions.exists(parent):
        seen.add(parent)
        session = services.sessions.find(parent)
        found.append(session.on_ask)
    return [wish for wish in found if wish is not None]


WORKERS: Final[dict[str, Operation]] = {
    "daemon.turn": begin_turn,
    "daemon.share": share_own_session,
    "daemon.credentials": give_credentials,
    "daemon.models": give_models,
    "daemon.listening": tell_listening,
    "lsp.touch": touch,
    "ask.permission": ask_permission,
    "ask.question": ask_question,
}
