"""Which project a directory belongs to."""

from pathlib import Path
from typing import Final, Literal

from oad.contract.wire_model import WireModel

from ..config.places import find_worktree
from ..config.watch import Watch
from ..exec import Exec
from .git import ask_git

GLOBAL: Final = "global"  # the project of all directories without a repository, or with one without commits


class ProjectIdentity(WireModel):
    """``worktree`` is the top of the repository's main worktree, ``sandbox`` that of the worktree that holds the
    directory (the same but for linked worktrees), both "/" without a repository; ``path`` leads from there to it."""

    id: str
    worktree: str
    sandbox: str
    path: str
    vcs: Literal["git"] | None = None


class Identities:
    """Remembers what git said: a repository's root commit does not change, but for one that has no commit yet."""

    def __init__(self, exec: Exec) -> None:
        self._exec = exec
        self._known: dict[tuple[str, Path], ProjectIdentity] = {}

    async def of(self, directory: str) -> ProjectIdentity:
        top = find_worktree(Watch({}), Path(directory))
        known = self._known.get((directory, top))
        if known is None:
            known = await _identify(self._exec, directory, top)
            if known.id != GLOBAL:
                self._known[(directory, top)] = known
        return known


async def _identify(exec: Exec, directory: str, top: Path) -> ProjectIdentity:
    path = str(Path(directory).relative_to(top))
    path = "" if path == "." else path
    if not (top / ".git").exists():
        return ProjectIdentity(id=GLOBAL, worktree="/", sandbox="/", path=path)
    return ProjectIdentity(
        id=await _root_commit(exec, top),
        worktree=await _main_worktree(exec, top),
        sandbox=str(top),
        path=path,
        vcs="git",
    )


async def _root_commit(exec: Exec, top: Path) -> str:
    # Of several roots the first in order, so that each worktree and branch gives the same.
    roots = await ask_git(exec, str(top), "rev-list", "--max-parents=0", "--all")
    return min(roots.split(), default=GLOBAL) if roots else GLOBAL


async def _main_worktree(exec: Exec, top: Path) -> str:
    common = await ask_git(exec, str(top), "rev-parse", "--git-common-dir")
    if common is None:
        return str(top)
    folder = (top / common).resolve()
    # The common directory of a bare repository, or of a submodule, lies in no worktree.
    return str(folder.parent) if folder.name == ".git" else str(top)
