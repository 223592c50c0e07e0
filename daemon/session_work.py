"""Work on a session: through the turnstile to its worker, and what is answered when the worker is lost over it."""

import sqlite3
from functools import partial
from typing import Final

import msgspec
import structlog

from oad.contract.errors import ApiError, aborted_early, named, session_not_found
from oad.contract.message import NamedError
from oad.contract.session import Session
from oad.link import Answer

from .operations.context import Services
from .operations.messages import read_message
from .sessions import place_of
from .store_trouble import diagnose
from .turnstile.turnstile import Ticket

_log = structlog.get_logger("oad.work")

ASYNC: Final = "session.prompt_async"
SESSION_WORK: Final = frozenset(
    {
        "session.prompt",
        ASYNC,
        "session.shell",
        "session.command",
        "session.summarize",
        "session.init",
        "session.revert",
        "session.unrevert",
    }
)

# What is answered with the message that the turn ended with.
_ANSWERED_BY_MESSAGE: Final = frozenset({"session.prompt", "session.shell", "session.command"})
_ACCEPTED: Final = Answer(b"", 204)


class Work(msgspec.Struct, frozen=True):
    """``user``: who is to be counted for it. ``guest``: a worker asks, for a subagent."""

    op: str
    params: dict[str, str]
    body: bytes
    user: str = ""
    guest: bool = False


async def carry_out(services: Services, work: Work) -> Answer:
    """Raises ApiError."""
    session = services.sessions.find(work.params["sessionID"])
    services.storage.check_prompt()
    services.limits.admit(session)
    services.check_room()
    turnstile, aborts = services.turnstile, services.supervisor.aborts(session.id)
    ticket = turnstile.enter(session.id, work.user, guest=work.guest)
    if not turnstile.waits(ticket):
        return await _pass(services, work, session, ticket, aborts)
    await _note_waiting(services, ticket)
    if work.op != ASYNC:
        return await _pass(services, work, session, ticket, aborts)

    async def later() -> None:
        await _pass_unheard(services, work, session, ticket, aborts)

    services.chores.start(f"queue {session.id}", later)
    return _ACCEPTED


async def _note_waiting(services: Services, ticket: Ticket) -> None:
    """Should the daemon end meanwhile, the next one says what became of it. Raises ApiError 507."""
    try:
        await services.register.add_waiting(ticket.session)
    except BaseException as error:
        services.turnstile.leave(ticket)
        if isinstance(error, sqlite3.Error):
            raise diagnose(error, services.store.path).refusal() from error
        raise


async def _forget_waiting(services: Services, session: str) -> None:
    if not services.turnstile.has_waiting(session):  # else another one waits by now
        await services.register.remove_waiting(session)


async def _pass_unheard(services: Services, work: Work, session: Session, ticket: Ticket, aborts: int) -> None:
    """Its client has been told that the prompt is accepted: what becomes of it is said by an event."""
    try:
        answer = await _pass(services, work, session, ticket, aborts)
        failure = None if answer.status < 400 else msgspec.json.decode(answer.body, type=NamedError)
    except ApiError as error:
        failure = NamedError(name=str(error.body.get("name", "UnknownError")), data=error.body.get("data", {}))
        if error is ticket.failure:
            return  # whoever took it out of the line has said so
    if failure is not None and services.sessions.exists(session.id):
        _log.warning("a queued prompt failed", session=session.id, error=failure.name)
        services.journal.append("session.error", {"sessionID": session.id, "error": failure}, place_of(session))
        services.turns.repeat_status(session)


async def _pass(services: Services, work: Work, session: Session, ticket: Ticket, aborts: int) -> Answer:
    turnstile, supervisor, accepted = services.turnstile, services.supervisor, False
    try:
        await turnstile.wait(ticket)
        if not work.guest:
            services.draining.check()  # it may have begun meanwhile
        worker = await supervisor.ensure("session", session.id, session.directory, workspace(session))
        if supervisor.aborts(session.id) != aborts:
            raise aborted_early()  # while it waited, or its worker was being born: an early abort is not lost
        before = _last_answer(services, session.id)
        if before in services.store.open_messages(session.id):
            before = ""  # the turn that is under way answers this call too
        if work.op != ASYNC:  # which is answered when its message is in its place: what comes after it waits for that
            turnstile.dispatched(ticket)
        answer = await supervisor.call(worker, work.op, work.params, work.body)
        accepted = work.op == ASYNC and answer is not None and answer.status < 400
        return answer if answer is not None else await _after_loss(services, work.op, session.id, before)
    finally:
        turnstile.leave(ticket, expected=accepted)
        if ticket.has_waited and not turnstile.has_waiting(session.id):
            services.chores.start(f"waiting {session.id}", partial(_forget_waiting, services, session.id))


async def _after_loss(services: Services, op: str, session: str, before: str) -> Answer:
    """The worker died over the call: the turn is closed by now, and the message it left says why, if it left one:
    ``before`` is an earlier turn's."""
    await services.journal.settled()
    if not services.sessions.exists(session):
        raise session_not_found(session)
    left = _last_answer(services, session)
    if op in _ANSWERED_BY_MESSAGE and left and left != before:
        return Answer(read_message(services, session, left))
    raise named(500, "UnknownError", message="The session's worker ended before it answered")


def _last_answer(services: Services, session: str) -> str:
    """The id of the session's last message if that is an answer, else nothing."""
    newest = services.store.messages(session, limit=1)
    return newest[0][0] if newest and b'"role":"assistant"' in newest[0][2] else ""


def workspace(session: Session) -> list[str]:
    """Where a session's own file tools may write: its directory, and the whole worktree that this lies in."""
    root = session.directory.removesuffix(f"/{session.path}") if session.path else session.directory
    return [session.directory] if session.project_id == "global" else sorted({session.directory, root or "/"})
