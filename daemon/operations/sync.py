"""What servers tell each other of sessions: the journal as far as it is asked for, and sessions that come from it."""

from typing import Final

import msgspec
import trio

from oad.contract.errors import bad_request, tagged
from oad.contract.session import Session
from oad.contract.sync import SyncReplayInput, SyncSession
from oad.link import Answer

from ..bookkeeper import interrupted
from ..sessions import place_of
from ..sync_events import Arrived, check_arrived, find_owners, read_history
from .context import Operation, Request, Services, json_answer
from .projects import Resolved, resolve_project


async def list_history(request: Request) -> Answer:
    """Of all sessions; of those which are named only what comes after the number."""
    known = request.decode(dict[str, int])
    await request.services.journal.caught_up()
    return Answer(await trio.to_thread.run_sync(read_history, request.services.store, known))


async def replay_events(request: Request) -> Answer:
    """Makes a session of another server's events, in the directory that is named. One that is here already, made of
    the same events, stays as it is."""
    wanted: SyncReplayInput = request.decode(SyncReplayInput)
    services = request.services
    about, events = check_arrived(wanted.events)
    await services.journal.settled()
    owners = await trio.to_thread.run_sync(find_owners, services.store, {event.id for event in events})
    answer = json_answer(SyncSession(session_id=about))
    if services.sessions.exists(about) and all(owners.get(event.id) == about for event in events):
        return answer
    if owners and set(owners.values()) != {about}:
        raise bad_request("Some of these events are of another session")
    if owners or services.sessions.exists(about):
        raise bad_request(f"Session {about} is here already, and has a history of its own")
    if events[0].type != "session.created":
        raise bad_request("The history does not begin with the session")
    project = await resolve_project(services, wanted.directory)
    services.check_count()  # from here to the end nobody else can create one
    _make(services, events, project, wanted.directory)
    await services.journal.settled()
    services.turns.close(services.sessions.find(about), interrupted())  # what was under way there is not here
    return answer


def _make(services: Services, events: list[Arrived], project: Resolved, directory: str) -> None:
    for event in events:
        if event.session is not None:
            session = _settled_here(services, event.session, project, directory)
            services.sessions.save(session, created=event.type == "session.created", event=event.id)
        else:
            place = place_of(services.sessions.find(events[0].session.id if events[0].session else ""))
            services.turns.observe(event.type, place.session, event.data, durable=True)
            services.journal.append(event.type, event.data, place, id=event.id)


def _settled_here(services: Services, session: Session, project: Resolved, directory: str) -> Session:
    """Without what was granted to it, or holds for it, on the other server only."""
    parent = session.parent_id if session.parent_id and services.sessions.exists(session.parent_id) else None
    return msgspec.structs.replace(
        session,
        directory=directory,
        project_id=project.id,
        path=project.path,
        parent_id=parent,
        workspace_id=None,
        share=None,
        revert=None,
        on_ask=None,
        limits=None,
    )


async def steal_session(request: Request) -> Answer:
    """There are no workspaces to have it stolen into: all sessions are this server's."""
    raise tagged(400, "BadRequest")


SYNC: Final[dict[str, Operation]] = {
    "sync.history.list": list_history,
    "sync.replay": replay_events,
    "sync.steal": steal_session,
}
