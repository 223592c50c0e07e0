"""What the reference has for its own remote services, and what it tries out: said honestly where it is not here."""

from typing import Final

from oad.contract.errors import named, not_found, tagged
from oad.contract.experimental import WorkspaceCreateInput, WorkspaceWarpInput
from oad.link import Answer

from .context import TRUE, Operation, Request


async def background_subagents(request: Request) -> Answer:
    """Subagents work within their turn: none was put into the background."""
    return Answer(b"false")


async def switch_organisation(request: Request) -> Answer:
    """There is no account of a console."""
    raise tagged(400, "BadRequest")


async def create_workspace(request: Request) -> Answer:
    wanted: WorkspaceCreateInput = request.decode(WorkspaceCreateInput)
    if wanted.type == "worktree":
        message = "This server has no workspaces; worktrees are made by POST /experimental/worktree"
        raise named(400, "WorkspaceCreateError", message=message)
    raise named(400, "WorkspaceCreateError", message=f"Unknown workspace adapter: {wanted.type[:100]}")


async def list_anew(request: Request) -> Answer:
    """There are none to find."""
    return TRUE


async def remove_workspace(request: Request) -> Answer:
    """What is not there is not removed."""
    return Answer(b"null")


async def warp_session(request: Request) -> Answer:
    """Out of a workspace: all sessions are in none, which is said once more."""
    wanted: WorkspaceWarpInput = request.decode(WorkspaceWarpInput)
    session = request.services.sessions.find(wanted.session_id)
    if wanted.id is not None:
        raise not_found(f"Workspace not found: {wanted.id}")
    request.services.sessions.save(session)
    return TRUE


EXPERIMENTAL: Final[dict[str, Operation]] = {
    "experimental.session.background": background_subagents,
    "experimental.console.switchOrg": switch_organisation,
    "experimental.workspace.create": create_workspace,
    "experimental.workspace.syncList": list_anew,
    "experimental.workspace.remove": remove_workspace,
    "experimental.workspace.warp": warp_session,
}
