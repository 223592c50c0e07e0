"""Language servers belong to a directory's worker: what sessions tell and ask them goes through here."""

from oad.link import Answer

from .context import Request, json_answer


async def touch(request: Request) -> Answer:
    """They run what a project says, so they do nothing for a session that may do less than they: it is told nothing."""
    services = request.services
    session = services.sessions.find(request.caller)
    if services.sandboxes.servers_exceed(session, under="read-only"):
        return json_answer({})
    params = {"directory": session.directory}
    return await services.supervisor.call_project(session.directory, "lsp.touch", params, request.body)
