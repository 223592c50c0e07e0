"""Paths as the model names them: where they lead, how they are shown, whether they leave the workspace."""

import os
from pathlib import Path
from typing import Any

from ..sandbox.explain import is_hidden
from .in_thread import in_thread
from .tool import ToolContext, ToolFailed


def resolve(context: ToolContext, path: str) -> Path:
    """Absolute and normalised; relative paths count from the session's directory. Symlinks are kept.

    Raises ToolFailed for what no file can be called."""
    if not path or "\0" in path:
        raise ToolFailed("The path is empty or holds a NUL character.")
    joined = context.directory / Path(path).expanduser() if path.startswith("~/") else context.directory / path
    return Path(os.path.normpath(joined))


def relative(context: ToolContext, path: Path) -> str:
    """As titles and permission patterns have it: from the top of the worktree, "" for the top itself."""
    shown = os.path.relpath(path, context.worktree)
    return "" if shown == "." else shown


async def is_outside(context: ToolContext, path: Path) -> bool:
    """Whether a path leads, symlinks followed, out of the directory, the worktree and the session's scratch.

    Raises ToolFailed for what the sandbox hides: nobody can grant that."""
    return await in_thread(_leads_outside, context, path)


async def ask_outside(context: ToolContext, path: Path, *, is_directory: bool = False) -> bool:
    """Asks ``external_directory`` for a path that leads outside; returns whether it does."""
    if not await is_outside(context, path):
        return False
    target = await in_thread(os.path.realpath, path)
    # A link inside that leads outside is asked for by what it leads to, or a pattern would cover the workspace itself.
    shown = Path(target) if _is_below(str(path), _roots(context)) else path
    parent = shown if is_directory else shown.parent
    pattern = str(parent / "*")
    metadata: dict[str, Any] = {"filepath": str(path), "parentDir": str(parent)}
    await context.ask("external_directory", [pattern], always=[pattern], metadata=metadata)
    return True


def _roots(context: ToolContext) -> list[str]:
    roots = [str(context.directory), str(context.scratch)]
    if str(context.worktree) != "/":  # without a repository the worktree is named "/", which permits nothing
        roots.append(str(context.worktree))
    return roots


def _leads_outside(context: ToolContext, path: Path) -> bool:
    if is_hidden(context.confinement, str(path)):
        raise ToolFailed(f"The sandbox hides {path} from this session.")
    return not _is_below(os.path.realpath(path), [os.path.realpath(root) for root in _roots(context)])


def _is_below(path: str, roots: list[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)
