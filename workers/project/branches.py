"""The branch that is checked out, and the one that others build on."""

from oad.contract.catalogue import VcsInfo

from ..exec import Exec
from .git import ask_git

_USUAL = ("main", "master", "trunk", "develop")


async def read_branches(exec: Exec, worktree: str) -> VcsInfo:
    """Both absent without a repository; no branch on a detached head, no default where none can be told."""
    if worktree == "/":
        return VcsInfo()
    branch = await ask_git(exec, worktree, "symbolic-ref", "--quiet", "--short", "HEAD")
    return VcsInfo(branch=branch or None, default_branch=await _default_branch(exec, worktree))


async def _default_branch(exec: Exec, worktree: str) -> str | None:
    references = await ask_git(
        exec, worktree, "for-each-ref", "--format=%(refname) %(symref)", "refs/remotes/origin/HEAD", "refs/heads"
    )
    heads: list[str] = []
    for line in (references or "").splitlines():
        name, _, target = line.partition(" ")
        if name == "refs/remotes/origin/HEAD":
            return target.removeprefix("refs/remotes/origin/") or None
        heads.append(name.removeprefix("refs/heads/"))
    configured = await ask_git(exec, worktree, "config", "init.defaultBranch")
    usual = [name for name in (configured, *_USUAL) if name in heads]
    return usual[0] if usual else heads[0] if len(heads) == 1 else None
