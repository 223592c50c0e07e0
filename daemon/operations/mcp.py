"""MCP servers belong to a directory's worker: what sessions ask of them goes through here, and what they are granted is
kept here."""

from typing import Any, Final

import msgspec

from oad.contract.errors import ApiError, named
from oad.contract.mcp import Offer
from oad.link import Answer

from ..idleness import NEEDED
from .context import TRUE, Operation, Request, json_answer


async def offer(request: Request) -> Answer:
    """What the servers of the calling session's directory have. One that has none is not asked: each turn begins with
    this."""
    services = request.services
    session = services.sessions.find(request.caller)
    if request.params.get("configured") != "true" and not services.added_servers.offers(session.directory):
        return json_answer(Offer(tools=[], prompts=[]))
    answer = await _ask(request, session.directory)
    reason = services.sandboxes.servers_exceed(session)
    if not reason:
        return answer
    offered = msgspec.json.decode(answer.body, type=Offer)
    there = bool(offered.tools or offered.prompts)
    return json_answer(Offer(tools=[], prompts=[], withheld=reason if there else None))


async def call(request: Request) -> Answer:
    """Of the calling session's directory, if its servers may do no more than the session. Raises ApiError 403."""
    session = request.services.sessions.find(request.caller)
    if reason := request.services.sandboxes.servers_exceed(session):
        raise named(403, "ForbiddenError", message=f"The project's MCP servers are withheld: {reason}")
    return await _ask(request, session.directory)


async def _ask(request: Request, directory: str) -> Answer:
    # Once: what a server has begun to do must not be done twice.
    params = {"directory": directory}
    return await request.services.supervisor.call_project(directory, request.op, params, request.body, tries=1)


# --- asked by the directory's worker ----------------------------------------------------------------------------------


async def credential_get(request: Request) -> Answer:
    return json_answer(request.services.server_credentials.all().get(request.params["key"], {}))


async def credential_set(request: Request) -> Answer:
    entry: dict[str, Any] = request.decode(dict[str, Any])
    _write(request, entry)
    return TRUE


async def credential_remove(request: Request) -> Answer:
    _write(request, None)
    return TRUE


def _write(request: Request, entry: dict[str, Any] | None) -> None:
    """Raises ApiError 500, then nothing has changed."""
    store, key = request.services.server_credentials, request.params["key"]
    try:
        if entry is None:
            store.remove(key)
        else:
            store.set(key, entry)
    except OSError as error:
        raise ApiError(500, {"name": "UnknownError", "data": {"message": f"It can't be stored: {error}"}}) from error


async def added_get(request: Request) -> Answer:
    return Answer(request.services.added_servers.of(request.caller))


async def added_set(request: Request) -> Answer:
    """Raises ApiError 400."""
    request.services.added_servers.keep(request.caller, request.body)
    return TRUE


async def tell_needed(request: Request) -> Answer:
    """Whether the calling worker has something that would be lost if it were put away."""
    worker = request.services.supervisor.project_worker(request.caller)
    if worker is not None:
        worker.facts[NEEDED] = request.params.get("needed") == "true"
    return TRUE


FOR_SESSIONS: Final[dict[str, Operation]] = {"mcp.offer": offer, "mcp.call": call, "mcp.prompt": call, "mcp.read": call}
FOR_PROJECTS: Final[dict[str, Operation]] = {
    "mcp.credential.get": credential_get,
    "mcp.credential.set": credential_set,
    "mcp.credential.remove": credential_remove,
    "mcp.added.get": added_get,
    "mcp.added.set": added_set,
    "daemon.needed": tell_needed,
}
