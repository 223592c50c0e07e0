"""A project under version control with a place for its snapshots; git runs directly."""

import subprocess
from pathlib import Path
from typing import Any

from oad.contract.policy import SnapshotPolicy
from oad.contract.session import Session, SessionTime
from oad.contract.worker import SnapshotPlace
from oad.daemon.snapshot_places import SnapshotPlaces
from oad.workers.snapshots.keeper import Snapshots
from oad.workers.snapshots.store import SnapshotStore

from ..project.local_exec import LocalExec

BEGIN = {
    "README.md": "# project\n",
    "src/a.txt": "alpha\nbeta\ngamma\n",
    "src/deep/b.txt": "b\n",
    ".gitignore": "out/\n",
}


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout


def make_project(directory: Path, files: dict[str, str] | None = None) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (BEGIN if files is None else files).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "begin")
    return directory


def session_of(directory: Path, path: str = "", project: str = "p") -> Session:
    time = SessionTime(created=1, updated=1)
    return Session(
        id="ses_1", slug="s", project_id=project, directory=str(directory), title="t", version="1", time=time, path=path
    )


def place_of(directory: Path, **policy: Any) -> SnapshotPlace:
    """Beside the project."""
    places = SnapshotPlaces(directory.parent / "snapshots", SnapshotPolicy(**policy), home="/nowhere")
    return places.of_session(session_of(directory))


def store_of(directory: Path, name: str = "ses_1", **policy: Any) -> SnapshotStore:
    return SnapshotStore(LocalExec(), place_of(directory, **policy), name)


def snapshots_of(directory: Path, **policy: Any) -> Snapshots:
    snapshots = Snapshots(store_of(directory, **policy))
    snapshots.begin(wanted=True, tree=None)
    return snapshots


def files_of(directory: Path) -> dict[str, str]:
    """All there are, but for the repository's own; a link as where it leads."""
    return {
        str(path.relative_to(directory)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(directory.rglob("*"))
        if (path.is_file() or path.is_symlink()) and ".git" not in path.relative_to(directory).parts
    }
