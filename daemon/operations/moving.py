"""A session that goes on in another directory of its project, with its changes if that is wished for."""

import os
import posixpath
from typing import Final

import msgspec

from oad.contract.errors import ApiError, named
from oad.contract.experimental import MoveSessionInput
from oad.contract.ids import now_ms
from oad.contract.session import Session
from oad.link import Answer

from ..errands import ask_directory
from ..journal import Place
from ..sessions import place_of
from ..supervisor import Supervisor
from .context import TRUE, Operation, Request, Services
from .projects import Resolved, resolve_project


async def move_session(request: Request) -> Answer:
    """Its next turn works in the new directory; a turn that runs has to end first."""
    wanted: MoveSessionInput = request.decode(MoveSessionInput)
    services, directory = request.services, posixpath.normpath(wanted.destination.directory)
    session = _movable(services, wanted.session_id, directory)
    target = await resolve_project(services, directory)
    if target.id != session.project_id:
        raise _failed("Destination directory belongs to another project")
    if wanted.move_changes:
        await _move_changes(services.supervisor, _top(session.directory, session.path), _top(directory, target.path))
    _settle(services, services.sessions.find(session.id), directory, target)
    return TRUE


def _movable(services: Services, id: str, directory: str) -> Session:
    if not services.sessions.exists(id):
        raise _failed(f"Session not found: {id}")
    if services.turns.busy(id):
        raise _failed("The session is busy")
    if not directory.startswith("/") or not os.path.isdir(directory):  # noqa: PTH112  a client's text
        raise _failed(f"There is no such directory: {directory[:500]}")
    return services.sessions.find(id)


async def _move_changes(supervisor: Supervisor, source: str, target: str) -> None:
    """Put there before they are taken from here: whatever fails, they are in one of the two."""
    if source == target:
        return
    try:
        patch = (await ask_directory(supervisor, source, "changes.capture")).body
        if not patch:
            return
        await ask_directory(supervisor, target, "changes.put", patch)
    except ApiError as error:
        raise _failed(f"Unable to apply your changes in the destination directory: {_text(error)}") from None
    try:
        await ask_directory(supervisor, source, "changes.take", patch)
    except ApiError as error:
        await ask_directory(supervisor, target, "changes.take", patch)
        raise _failed(f"Your changes can't be taken from where they are: {_text(error)}") from None


def _settle(services: Services, session: Session, directory: str, target: Resolved) -> None:
    before = place_of(session)
    time = msgspec.structs.replace(session.time, updated=now_ms())
    moved = msgspec.structs.replace(session, directory=directory, path=target.path, time=time)
    services.sessions.save(moved)
    if before.directory != directory:  # those who look at the old directory only are to know that it has left
        place = Place(directory=before.directory, project=before.project)
        properties = {"sessionID": moved.id, "info": moved}
        services.journal.append("session.updated", properties, place, durable=False)
    worker = services.supervisor.session_worker(moved.id)
    if worker is not None:
        worker.facts["outdated"] = True  # it may write to the old directory, and not to the new one


def _top(directory: str, path: str | None) -> str:
    return (directory.removesuffix(f"/{path}") if path else directory) or "/"


def _text(error: ApiError) -> str:
    return str(error.body.get("data", {}).get("message", ""))


def _failed(message: str) -> ApiError:
    return named(400, "MoveSessionError", message=message)


MOVING: Final[dict[str, Operation]] = {"experimental.controlPlane.moveSession": move_session}
