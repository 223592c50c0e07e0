"""Worktrees of repositories: made below oad's own root, listed with their project, removed and reset by what is listed.

A request names a worktree by its path, and that path is only ever compared with those in the list: what is removed is
the directory that oad made under the name it has there, reached from oad's own root.
"""

from typing import Final

import msgspec
import trio

from oad.contract.catalogue import Project
from oad.contract.errors import ApiError, named
from oad.contract.worktree import (
    Worktree,
    WorktreeCreateInput,
    WorktreePlan,
    WorktreeRemoveInput,
    WorktreeResetInput,
    WorktreeSurvey,
)
from oad.link import Answer

from ..errands import ask_directory, ask_special
from ..journal import Place
from ..worktrees import WorktreeRoot, choose_name
from .context import TRUE, Operation, Request, Services, json_answer
from .projects import change_project, find_project, resolve_project
from .service import dispose_directory


async def list_worktrees(request: Request) -> Answer:
    """Those of the repository that holds the directory."""
    services = request.services
    project = await find_own_project(services, request.params["directory"])
    root = services.worktrees.of(request.params["directory"])
    return json_answer([] if root is None else root.among(project.sandboxes))


async def create_worktree(request: Request) -> Answer:
    """Answered when it is there, but without files yet; ``worktree.ready`` tells that it has them."""
    wanted: WorktreeCreateInput = request.decode(WorktreeCreateInput)
    services, directory = request.services, request.params["directory"]
    project, made, commands = await make_worktree(services, directory, wanted.name, wanted.start_command)
    services.chores.start(made.directory, lambda: _fill(services, directory, project.id, made, commands))
    return json_answer(made)


async def make_worktree(
    services: Services, directory: str, name: str | None, extra: str | None = None
) -> tuple[Project, Worktree, list[str]]:
    """One without files, and the commands that are to be run once it has them. Raises ApiError."""
    root = _root(services, directory)
    project = await find_own_project(services, directory)
    commands = _start_commands(project, extra)
    async with root.lock:
        survey = await _survey(services, directory, commands)
        name = choose_name(name, lambda name: root.is_free(name, survey.branches or []))
        plan = root.plan(name)
        await trio.to_thread.run_sync(root.make, name)
        try:
            await _with_git(services, root, "worktree.add", plan, plan.directory)
        except BaseException:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(root.remove, name)
            raise
        await _list(services, project.id, plan.directory)
    return project, Worktree(name=name, branch=plan.branch, directory=plan.directory), commands


async def remove_worktree(request: Request) -> Answer:
    """With whatever runs in it, its changes, and its branch."""
    wanted: WorktreeRemoveInput = request.decode(WorktreeRemoveInput)
    services = request.services
    found = await find_worktree(services, request.params["directory"], wanted.directory, "WorktreeRemoveFailedError")
    await remove_listed(services, *found)
    return TRUE


async def remove_listed(services: Services, root: WorktreeRoot, project: Project, name: str) -> None:
    """Raises ApiError 400; it can be repeated then."""
    plan = root.plan(name)
    await services.chores.give_up(plan.directory)  # which may hold the lock, to fill it
    async with root.lock:
        left = await _clear_away(services, root, name)
        if left:
            raise named(400, "WorktreeRemoveFailedError", message=f"Not everything could be removed: {left[:5]}")
        await _with_git(services, root, "worktree.forget", plan)
        await unlist(services, project.id, {plan.directory})


async def reset_worktree(request: Request) -> Answer:
    """As the default branch is; its start commands are run again."""
    wanted: WorktreeResetInput = request.decode(WorktreeResetInput)
    services = request.services
    root, project, name = await find_worktree(
        services, request.params["directory"], wanted.directory, "WorktreeResetFailedError"
    )
    plan = root.plan(name)
    async with root.lock:  # of filling, too, the end is waited for: a git that is stopped leaves its lock behind
        await services.chores.give_up(plan.directory)
        await ask_directory(services.supervisor, plan.directory, "worktree.restore")
    services.chores.start(
        plan.directory, lambda: start_worktree(services, project.id, plan.directory, _start_commands(project))
    )
    return TRUE


async def find_worktree(services: Services, directory: str, path: str, error: str) -> tuple[WorktreeRoot, Project, str]:
    """The listed worktree of that path. Raises ApiError 400."""
    root = _root(services, directory)
    if path == str(root.repository.top):
        verb = "remove" if error == "WorktreeRemoveFailedError" else "reset"
        raise named(400, error, message=f"Cannot {verb} the primary workspace")
    project = await find_own_project(services, directory)
    name = root.name_of(path)
    if name is None or path not in project.sandboxes:
        raise named(400, error, message=f"Not a worktree that this server has made: {path[:500]}")
    return root, project, name


def _root(services: Services, directory: str) -> WorktreeRoot:
    root = services.worktrees.of(directory)
    if root is None:
        raise named(400, "WorktreeNotGitError", message="Worktrees are only supported for git projects")
    return root


async def find_own_project(services: Services, directory: str) -> Project:
    resolved = await resolve_project(services, directory)
    await services.journal.caught_up()
    return find_project(services, resolved.id)


def _start_commands(project: Project, extra: str | None = None) -> list[str]:
    own = project.commands.start if project.commands is not None else None
    return [command for command in (own, extra) if command and command.strip()]


async def _survey(services: Services, directory: str, commands: list[str]) -> WorktreeSurvey:
    body = msgspec.json.encode(WorktreeSurvey(commands=commands))
    answer = await services.supervisor.call_project(directory, "worktree.survey", {"directory": directory}, body)
    return msgspec.json.decode(answer.body, type=WorktreeSurvey)


async def _with_git(services: Services, root: WorktreeRoot, op: str, plan: WorktreePlan, *places: str) -> None:
    """By a worker of its own, which may write to the repository's git directory and these places, and nowhere else.
    The lock of the root is held: there is one at a time."""
    git, top = root.repository
    name = f"worktrees of {git}"
    body = msgspec.json.encode(plan)
    await ask_special(services.supervisor, name, str(top), [str(git), *places], op, body)


async def _fill(services: Services, directory: str, project: str, made: Worktree, commands: list[str]) -> None:
    try:
        await fill_worktree(services, directory, project, made)
    except ApiError as error:
        _tell_failure(services, Place(directory=made.directory, project=project), error)
        return
    await start_worktree(services, project, made.directory, commands)


async def fill_worktree(services: Services, directory: str, project: str, made: Worktree) -> None:
    """With its files; ``directory`` is one of its repository. Raises ApiError."""
    async with _root(services, directory).lock:
        await ask_directory(services.supervisor, made.directory, "worktree.fill")
    place = Place(directory=made.directory, project=project)
    services.journal.append("worktree.ready", {"name": made.name, "branch": made.branch}, place)


async def start_worktree(services: Services, project: str, directory: str, commands: list[str]) -> None:
    """One after another, until one fails."""
    try:
        for command in commands:
            await ask_directory(services.supervisor, directory, "worktree.start", command.encode())
    except ApiError as error:
        _tell_failure(services, Place(directory=directory, project=project), error)


def _tell_failure(services: Services, place: Place, error: ApiError) -> None:
    message = error.body.get("data", {}).get("message", "") or error.body.get("message", "")
    services.journal.append("worktree.failed", {"message": message}, place)


async def _clear_away(services: Services, root: WorktreeRoot, name: str) -> list[str]:
    """Ends what runs there, then removes the directory. A worker that was started between the two is seen the second
    time, when its directory has gone already, or is left without what it could write to."""
    directory = root.plan(name).directory
    await services.chores.give_up(directory)
    left: list[str] = []
    for _ in range(2):
        for place in services.supervisor.directories():
            if place == directory or place.startswith(f"{directory}/"):
                await dispose_directory(services, place)
        left = await trio.to_thread.run_sync(root.remove, name)
        if not left:
            break
    return left


async def _list(services: Services, project: str, directory: str) -> None:
    def add(known: Project) -> Project:
        return msgspec.structs.replace(known, sandboxes=[*known.sandboxes, directory])

    await change_project(services, project, add)


async def unlist(services: Services, project: str, directories: set[str]) -> None:
    def take(known: Project) -> Project:
        kept = [each for each in known.sandboxes if each not in directories]
        return msgspec.structs.replace(known, sandboxes=kept)

    await change_project(services, project, take)


WORKTREES: Final[dict[str, Operation]] = {
    "worktree.list": list_worktrees,
    "worktree.create": create_worktree,
    "worktree.remove": remove_worktree,
    "worktree.reset": reset_worktree,
}
