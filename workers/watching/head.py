"""The branch that is checked out, read and watched without git."""

from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 4096
_BRANCH: Final = "ref: refs/heads/"


def find_git_directory(worktree: Path) -> Path | None:
    """Where ``HEAD`` of the worktree is: ``.git``, or the directory that a file of that name points to. Blocks."""
    git = worktree / ".git"
    try:
        if git.is_dir():
            return git
        if not git.is_file():
            return None
        with git.open(errors="replace") as file:
            key, _, target = file.read(_MAX_BYTES).strip().partition(": ")
    except OSError:
        return None
    return worktree / target if key == "gitdir" and target else None


def read_branch(git: Path) -> str | None:
    """None on a detached head, or where it cannot be read. Blocks."""
    head = git / "HEAD"
    try:
        if not head.is_file():
            return None
        with head.open(errors="replace") as file:
            line = file.read(_MAX_BYTES).strip()
    except OSError:
        return None
    return line.removeprefix(_BRANCH) if line.startswith(_BRANCH) else None
