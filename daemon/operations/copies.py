"""Copies of a project to work in side by side: worktrees, by the names that terminal programs know them under."""

import contextlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.catalogue import Project
from oad.contract.errors import ApiError, named
from oad.contract.experimental import CopyCreateInput, CopyName, CopyNameInput, CopyRemoveInput, ProjectCopyCopy
from oad.contract.worktree import WorktreeState
from oad.link import Answer

from ..errands import ask_directory
from ..worktrees import random_name
from .context import TRUE, Operation, Request, json_answer
from .projects import find_project
from .worktrees import (
    fill_worktree,
    find_own_project,
    find_worktree,
    make_worktree,
    remove_listed,
    start_worktree,
    unlist,
)

STRATEGY: Final = "git_worktree"
_WORDS: Final = 4
_EMPTY: Final = frozenset({"a", "an", "and", "for", "in", "of", "on", "please", "the", "to", "with"})


async def create_copy(request: Request) -> Answer:
    """Answered when it has its files. Its place is below oad's own root, whatever place was wished for."""
    wanted: CopyCreateInput = request.decode(CopyCreateInput)
    services = request.services
    with _told():
        _, directory = await _find_project(request)
        if wanted.strategy != STRATEGY:
            raise _failed(f"Unknown strategy: {wanted.strategy[:100]}")
        project, made, commands = await make_worktree(services, directory, wanted.name)
        try:
            await fill_worktree(services, directory, project.id, made)
        except ApiError:
            with contextlib.suppress(ApiError):  # the first failure is the one to tell
                await remove_listed(
                    services, *await find_worktree(services, directory, made.directory, "ProjectCopyError")
                )
            raise
    services.chores.start(made.directory, lambda: start_worktree(services, project.id, made.directory, commands))
    return json_answer(ProjectCopyCopy(directory=made.directory))


async def remove_copy(request: Request) -> Answer:
    """Without ``force`` only if nothing is lost with it."""
    wanted: CopyRemoveInput = request.decode(CopyRemoveInput)
    with _told():
        _, directory = await _find_project(request)
        found = await find_worktree(request.services, directory, wanted.directory, "WorktreeRemoveFailedError")
        if not wanted.force:
            await _check_unneeded(request, wanted.directory)
        await remove_listed(request.services, *found)
    return TRUE


async def _check_unneeded(request: Request, directory: str) -> None:
    answer = await ask_directory(request.services.supervisor, directory, "worktree.inspect")
    state = msgspec.json.decode(answer.body, type=WorktreeState)
    if state.changed or state.unmerged:
        what = "changes that are not committed" if state.changed else "commits that are on no other branch"
        raise _failed(f"The copy has {what}", forceRequired=True)


async def refresh_copies(request: Request) -> Answer:
    """Those that somebody has removed by hand are no longer listed."""
    services = request.services
    with _told():
        project, _ = await _find_project(request)
        gone = {each for each in project.sandboxes if not Path(each).is_dir()}  # noqa: ASYNC240  a few
        if gone:
            await unlist(services, project.id, gone)
    return TRUE


async def name_copy(request: Request) -> Answer:
    """From the first words of the task, else something memorable."""
    wanted: CopyNameInput = request.decode(CopyNameInput)
    words = re.findall(r"[a-z0-9]+", (wanted.context or "")[:1000].lower())
    telling = [word for word in words if word not in _EMPTY][:_WORDS]
    return json_answer(CopyName(name="-".join(telling)[:40].strip("-") or random_name()))


async def _find_project(request: Request) -> tuple[Project, str]:
    """With the directory to start from: where the client is, if that is in the project."""
    services, directory, id = request.services, request.params["directory"], request.params["projectID"]
    project = await find_own_project(services, directory)
    if project.id == id:
        return project, directory
    project = find_project(services, id)
    return project, project.worktree


@contextlib.contextmanager
def _told() -> Generator[None]:
    """Whatever can't be done, in the form of these routes."""
    try:
        yield
    except ApiError as error:
        if error.status not in (400, 404) or error.body.get("name") == "ProjectCopyError":
            raise
        raise _failed(error.body.get("data", error.body).get("message", "")) from None


def _failed(message: str, **data: bool) -> ApiError:
    return named(400, "ProjectCopyError", message=message, **data)


COPIES: Final[dict[str, Operation]] = {
    "v2.projectCopy.create": create_copy,
    "v2.projectCopy.remove": remove_copy,
    "v2.projectCopy.refresh": refresh_copies,
    "experimental.projectCopy.generateName": name_copy,
}
