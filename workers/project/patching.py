"""Changing a repository at a client's wish: applying a patch, making a repository."""

from typing import Final

from oad.contract.errors import ApiError, bad_request, named

from ..exec import Exec
from .git import ask_git, run_git

_TIMEOUT_S: Final = 60.0


async def apply_patch(exec: Exec, directory: str, patch: str) -> None:
    """All of it or nothing. Git keeps it inside of the worktree, and off the repository's own files.

    Raises VcsApplyError (400): ``non-git`` without a repository, ``not-clean`` when it does not fit."""
    top = await ask_git(exec, directory, "rev-parse", "--show-toplevel")
    if not top:
        raise _refused("non-git", "There is no git repository to apply the patch to")
    answer = await run_git(
        exec,
        top,
        *("-c", "apply.whitespace=nowarn", "apply", "--whitespace=nowarn", "-"),
        stdin=patch.encode("utf-8", "surrogateescape"),
        timeout_s=_TIMEOUT_S,
        profile="workspace",
    )
    if answer.exit != 0:
        said = answer.stderr.strip() or "git did not say why"
        raise _refused("not-clean", f"The patch can't be applied: {said[:1000]}")


async def make_repository(exec: Exec, directory: str) -> None:
    """Nothing happens to one that exists. Raises ApiError (400)."""
    if await ask_git(exec, directory, "rev-parse", "--show-toplevel"):
        return  # also in a directory below its top: a repository within the repository is not what was wished for
    answer = await run_git(exec, directory, "init", "--quiet", timeout_s=_TIMEOUT_S, profile="workspace")
    if answer.exit != 0:
        raise bad_request(f"git init failed: {answer.stderr.strip()[:1000]}", "Query")


def _refused(reason: str, message: str) -> ApiError:
    return named(400, "VcsApplyError", message=message, reason=reason)
