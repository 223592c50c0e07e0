"""Projects: which one a directory belongs to, and the list of those seen."""

import os
from collections.abc import Callable
from typing import Final

import msgspec

from oad.contract.catalogue import Project, ProjectTime
from oad.contract.errors import tagged
from oad.contract.ids import now_ms
from oad.contract.wire_model import WireModel
from oad.link import Answer

from ..journal import Place
from .context import Operation, Request, Services, join_json, json_answer


class Resolved(WireModel):
    """What a directory's worker says of it: the project's id, its worktree, and the path below it."""

    id: str
    worktree: str
    path: str
    vcs: str | None = None


async def resolve_project(services: Services, directory: str) -> Resolved:
    """Asks the directory's worker, once per life of that worker unless the answer may change (no commit yet)."""
    worker = await services.supervisor.ensure("project", directory, directory)
    known = worker.facts.get("project")
    if isinstance(known, Resolved) and known.id != "global":
        return known
    answer = await services.supervisor.call_project(directory, "project.resolve", {"directory": directory}, b"")
    resolved = msgspec.json.decode(answer.body, type=Resolved)
    first = "project" not in worker.facts
    worker.facts["project"] = resolved
    project = _known(services, resolved.id)
    if project is None:
        services.journal.append("project.updated", _new_project(resolved), _place(resolved.id))
    elif first:  # clients that follow all directories learn which are in use
        services.journal.append("project.updated", _seen_from(project, resolved), _place(resolved.id), durable=False)
    return resolved


def _place(project_id: str) -> Place:
    """Projects concern those who follow everything, not the listeners of one directory."""
    return Place(directory="global", project=project_id)


def _new_project(resolved: Resolved) -> Project:
    now = now_ms()
    # All directories without a commit share one project; what one of them has is not true of the others.
    shared = resolved.id == "global"
    return Project(
        id=resolved.id,
        worktree="/" if shared else resolved.worktree,
        vcs="git" if resolved.vcs == "git" and not shared else None,
        time=ProjectTime(created=now, updated=now),
        sandboxes=[],
    )


def _seen_from(project: Project | None, resolved: Resolved) -> Project | None:
    """What all directories without a commit share, as it is in the one that was asked for."""
    if project is None or project.id != "global" or resolved.vcs != "git":
        return project
    return msgspec.structs.replace(project, worktree=resolved.worktree, vcs="git")


def _known(services: Services, project_id: str) -> Project | None:
    data = services.store.project(project_id)
    return None if data is None else msgspec.json.decode(data, type=Project)


def find_project(services: Services, project_id: str) -> Project:
    """Raises ApiError 404."""
    project = _known(services, project_id)
    if project is None:
        raise tagged(404, "ProjectNotFoundError", projectID=project_id, message=f"Project not found: {project_id}")
    return project


async def change_project(services: Services, project_id: str, change: Callable[[Project], Project]) -> Project:
    """One change after the other, each from what the one before has left. Raises ApiError 404."""
    async with services.project_changes:
        await services.journal.settled()
        changed = change(find_project(services, project_id))
        changed.time = msgspec.structs.replace(changed.time, updated=now_ms())
        services.journal.append("project.updated", changed, _place(project_id))
        await services.journal.settled()
        return changed


async def current_project(request: Request) -> Answer:
    services = request.services
    resolved = await resolve_project(services, request.params["directory"])
    await services.journal.settled()
    return json_answer(_seen_from(_known(services, resolved.id), resolved))


async def make_repository(request: Request) -> Answer:
    """The directory's project afterwards, which without a commit is the one that all such directories share."""
    services, directory = request.services, request.params["directory"]
    before = await resolve_project(services, directory)
    await services.supervisor.call_project(directory, request.op, request.params, b"")
    worker = await services.supervisor.ensure("project", directory, directory)
    worker.facts.pop("project", None)
    answer = await current_project(request)
    if before.vcs is None:  # what clients take as a reason to read everything anew; nothing has to end for it
        place = Place(directory=directory)
        services.journal.append("server.instance.disposed", {"directory": directory}, place, durable=False)
    return answer


async def list_projects(request: Request) -> Answer:
    await resolve_project(request.services, request.params["directory"])
    await request.services.journal.caught_up()
    return Answer(join_json(request.services.store.projects()))


async def list_directories(request: Request) -> Answer:
    """The worktrees of a project that were seen; an unknown project has none."""
    project = _known(request.services, request.params["projectID"])
    if project is None or project.id == "global":
        return json_answer([])
    there = [path for path in project.sandboxes if os.path.isdir(path)]  # noqa: ASYNC240, PTH112  a few
    copies = [{"directory": path, "strategy": "git_worktree"} for path in there]
    return json_answer([{"directory": project.worktree}, *copies])


async def update_project(request: Request) -> Answer:
    """Name, icon and start command, as every client then sees them."""
    patch = {key: value for key, value in request.decode(dict).items() if key in ("name", "icon", "commands")}

    def change(project: Project) -> Project:
        return msgspec.convert(msgspec.to_builtins(project) | patch, Project)

    return json_answer(await change_project(request.services, request.params["projectID"], change))


PROJECTS: Final[dict[str, Operation]] = {
    "project.current": current_project,
    "project.list": list_projects,
    "project.initGit": make_repository,
    "project.directories": list_directories,
    "project.update": update_project,
}
