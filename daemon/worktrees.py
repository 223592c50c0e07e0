"""Where the worktrees lie that oad makes: one directory for each repository, below oad's own, and one name for each."""

import hashlib
import os
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import trio

from oad.contract.errors import named
from oad.contract.worktree import WorktreePlan

from .own_directories import OwnDirectories
from .repositories import Repository, find_repository

BRANCHES: Final = "opencode/"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_LONGEST: Final = 48
_TRIES: Final = 26
_ADJECTIVES: Final = (
    "amber", "brave", "bright", "calm", "clever", "cosmic", "crisp", "eager", "gentle", "glowing", "happy", "hidden",
    "kind", "lucky", "misty", "neat", "nimble", "proud", "quick", "quiet", "sharp", "silent", "sunny", "swift", "tidy",
)  # fmt: skip
_NOUNS: Final = (
    "badger", "cactus", "canyon", "circuit", "comet", "eagle", "engine", "falcon", "forest", "garden", "harbor",
    "island", "knight", "lagoon", "meadow", "moon", "nebula", "orchid", "otter", "panda", "pixel", "river", "rocket",
    "star", "tiger", "valley", "wizard",
)  # fmt: skip


class WorktreeRoot:
    """Those of one repository. ``lock``: git can't stand two changes to its list of worktrees at a time."""

    def __init__(self, root: Path, repository: Repository) -> None:
        self.repository = repository
        self.lock = trio.Lock()
        self._root = root
        self._own = OwnDirectories(root, _NAME)

    def plan(self, name: str) -> WorktreePlan:
        return WorktreePlan(directory=str(self._root / name), branch=BRANCHES + name)

    def name_of(self, directory: str) -> str | None:
        """None for what can't be a worktree of this repository."""
        parent, _, name = directory.rpartition("/")
        return name if parent == str(self._root) and _NAME.fullmatch(name) else None

    def among(self, directories: Iterable[str]) -> list[str]:
        """Those of this repository that are there."""
        return [each for each in directories if self.name_of(each) is not None and Path(each).is_dir()]

    def is_free(self, name: str, branches: Iterable[str]) -> bool:
        return BRANCHES + name not in branches and not os.path.lexists(self._root / name)

    def make(self, name: str) -> None:
        self._own.make(name)

    def remove(self, name: str) -> list[str]:
        """What could not be removed."""
        return self._own.remove(name)


class Worktrees:
    """``root`` is private to the user and written to by the daemon alone."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._known: dict[Path, WorktreeRoot] = {}

    def of(self, directory: str) -> WorktreeRoot | None:
        """Those of the repository that holds the directory; None where there is none."""
        repository = find_repository(directory)
        if repository is None:
            return None
        known = self._known.get(repository.git)
        if known is None or known.repository != repository:
            digest = hashlib.sha256(os.fsencode(repository.git)).hexdigest()[:16]
            known = self._known[repository.git] = WorktreeRoot(self._root / digest, repository)
        return known

    def sweep(self) -> None:
        """Finishes removals that the end of an earlier process has cut short."""
        if self._root.is_dir():
            for place in self._root.iterdir():
                OwnDirectories(place, _NAME).sweep()


def random_name() -> str:
    return f"{random.choice(_ADJECTIVES)}-{random.choice(_NOUNS)}"  # noqa: S311  a name, not a secret


def choose_name(wanted: str | None, is_free: Callable[[str], bool]) -> str:
    """What was wished for as far as it makes a name, else something memorable. Raises ApiError 400."""
    base = re.sub(r"[^a-z0-9]+", "-", (wanted or "").lower())[:_LONGEST].strip("-")
    if base and is_free(base):
        return base
    for _ in range(_TRIES):
        name = f"{base}-{random_name()}" if base else random_name()
        if is_free(name):
            return name
    raise named(400, "WorktreeNameGenerationFailedError", message="No name is free")
