import os
import subprocess
import time
from pathlib import Path

import pytest

from oad.contract.policy import SnapshotPolicy
from oad.contract.session import Session, SessionTime
from oad.daemon.snapshot_places import SnapshotPlaces, name_of, worktree_of


def session(directory: Path | str, path: str = "", project: str = "p") -> Session:
    time = SessionTime(created=1, updated=1)
    return Session(
        id="ses_1", slug="s", project_id=project, directory=str(directory), title="t", version="1", time=time, path=path
    )


@pytest.fixture
def places(tmp_path: Path) -> SnapshotPlaces:
    return SnapshotPlaces(tmp_path / "snapshots", SnapshotPolicy(), home=str(tmp_path / "home/user"))


def test_a_worktree_has_one_directory_that_git_takes_for_its_own(places: SnapshotPlaces, tmp_path: Path) -> None:
    (tmp_path / "p/sub").mkdir(parents=True)
    place = places.of_session(session(tmp_path / "p/sub", "sub"))
    assert (place.worktree, place.problem) == (str(tmp_path / "p"), "")
    assert places.of_session(session(tmp_path / "p")) == place
    assert Path(place.directory).stat().st_mode & 0o777 == 0o700
    environment = {**os.environ, "GIT_DIR": place.directory, "GIT_WORK_TREE": place.worktree}
    done = subprocess.run(["git", "status", "--porcelain"], env=environment, cwd=tmp_path / "p", check=True)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("directory", "project", "reason"),
    [("/x", "global", "no git"), ("/", "p", "whole file system"), ("home/user", "p", "home"), ("home", "p", "home")],
)
def test_refused_with_a_reason(
    places: SnapshotPlaces, tmp_path: Path, directory: str, project: str, reason: str
) -> None:
    place = places.of_session(session(tmp_path / directory, project=project))
    assert reason in place.problem and place.directory == ""


def test_below_the_home_is_fine(places: SnapshotPlaces, tmp_path: Path) -> None:
    assert places.of_session(session(tmp_path / "home/user/code")).problem == ""


def test_switched_off(tmp_path: Path) -> None:
    places = SnapshotPlaces(tmp_path, SnapshotPolicy(enabled=False))
    assert "operator" in places.of_session(session("/code")).problem


def test_links_lead_to_the_same(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert worktree_of(session(tmp_path / "link")) == str(tmp_path / "real")
    assert worktree_of(session("/", "", "p")) == "/"


def test_a_deleted_session_leaves_nothing_of_its_own(places: SnapshotPlaces, tmp_path: Path) -> None:
    place = places.of_session(session(tmp_path / "code"))
    index = Path(place.directory, "index-ses_1")
    index.touch()
    places.forget(session(tmp_path / "code"))
    places.forget(session(tmp_path / "code"))
    places.forget(session("/x", project="global"))
    assert not index.exists() and Path(place.directory).exists()


def test_those_of_worktrees_that_are_gone_are_removed_after_a_while(places: SnapshotPlaces, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    kept, fresh, old = (places.of_session(session(tmp_path / name)) for name in ("kept", "fresh", "old"))
    long_ago = time.time() - 8 * 86_400
    for place in (kept, old):
        os.utime(place.directory, (long_ago, long_ago))
    places.sweep()
    assert [Path(place.directory).exists() for place in (kept, fresh, old)] == [True, True, False]


def test_names_are_names_of_files() -> None:
    assert name_of("/a/b").startswith("tree-") and "/" not in name_of("/a/b")
