"""Where the snapshots of each worktree are kept: one git directory apiece, which no command of a session can see.

The directories are laid out here, so that nothing has to be started for it and no two sessions can be at it at once.
"""

import hashlib
import os
import re
import time
from pathlib import Path
from typing import Final

import structlog

from oad.contract.policy import SnapshotPolicy
from oad.contract.session import Session
from oad.contract.worker import SnapshotPlace

from .own_directories import OwnDirectories

_log = structlog.get_logger("oad.snapshots")

_OF: Final = "worktree"  # the file that names what it belongs to
PLACE_NAME: Final = re.compile(r"tree-[0-9a-f]{24}")
INDEX: Final = "index-"
_DAY_S: Final = 86_400
# What is read and written are the bytes as they are: nothing of the repository's own settings applies.
_FILES: Final = {
    "HEAD": "ref: refs/heads/none\n",
    "config": (
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = false\n"
        "\tautocrlf = false\n\tsafecrlf = false\n\tsymlinks = true\n\tquotePath = false\n\tlooseCompression = 1\n"
        "\tfsmonitor = false\n[gc]\n\tauto = 0\n"
    ),
    "info/attributes": "* -text !eol -filter -ident !working-tree-encoding\n",
}
_DIRECTORIES: Final = ("info", "objects/info", "objects/pack", "refs/heads")


class SnapshotPlaces:
    """``home`` is never taken for a project, nor is anything above it."""

    def __init__(self, root: Path, policy: SnapshotPolicy, home: str = "") -> None:
        self._root = root
        self._policy = policy
        self._directories = OwnDirectories(root, PLACE_NAME)
        self._home = os.path.realpath(home or Path.home())

    def of_session(self, session: Session) -> SnapshotPlace:
        return self._of(worktree_of(session))

    def _of(self, worktree: str | None) -> SnapshotPlace:
        """``worktree`` None: there is no repository."""
        problem = self._problem(worktree)
        if worktree is None or problem:
            return SnapshotPlace(worktree=worktree or "", policy=self._policy, problem=problem)
        try:
            place = self._make(worktree)
        except OSError as error:
            return SnapshotPlace(worktree=worktree, policy=self._policy, problem=f"no place for them: {error}")
        return SnapshotPlace(str(place), worktree, self._policy, problem="")

    def _problem(self, worktree: str | None) -> str:
        if worktree is None:
            return "the directory is in no git repository, or in one without commits"
        if not self._policy.enabled:
            return "the operator has switched snapshots off"
        if worktree == "/":
            return "the repository is the whole file system"
        if Path(self._home).is_relative_to(worktree):
            return f"the repository {worktree} contains the home directory"
        return ""

    def _make(self, worktree: str) -> Path:
        place = self._directories.make(name_of(worktree))
        if not (place / _OF).exists():
            for directory in _DIRECTORIES:
                (place / directory).mkdir(parents=True, exist_ok=True)
            for name, text in _FILES.items():
                (place / name).write_text(text)
            (place / _OF).write_text(worktree)  # last: it says that all is there
        return place

    def forget(self, session: Session) -> None:
        """What a session that is deleted kept for itself."""
        worktree = worktree_of(session)
        if worktree is not None:
            (self._root / name_of(worktree) / f"{INDEX}{session.id}").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Removes what belongs to worktrees that are no more. Blocks for as long as that takes."""
        self._directories.sweep()
        for place in self._root.glob("*") if self._root.is_dir() else ():
            named = place / _OF
            if not named.is_file() or Path(named.read_text()).exists():
                continue
            if time.time() - place.stat().st_mtime > self._policy.keep_days * _DAY_S:
                left = self._directories.remove(place.name)
                _log.info("snapshots of a worktree that is gone were removed", worktree=str(place), left=left[:5])


def name_of(worktree: str) -> str:
    """Of the directory for its snapshots: a path can't be a file's name."""
    return f"tree-{hashlib.sha256(os.fsencode(worktree)).hexdigest()[:24]}"


def worktree_of(session: Session) -> str | None:
    """Its top, links followed; None where nothing is under version control."""
    if session.project_id == "global":
        return None
    directory = session.directory
    top = directory.removesuffix(f"/{session.path}") if session.path else directory
    return os.path.realpath(top or "/")
