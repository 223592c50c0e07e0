"""Where worktrees lie and what they are called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.errors import ApiError
from oad.daemon.repositories import Repository
from oad.daemon.worktrees import WorktreeRoot, Worktrees, choose_name


@pytest.fixture
def root(tmp_path: Path) -> WorktreeRoot:
    return WorktreeRoot(tmp_path / "root", Repository(tmp_path / "repo/.git", tmp_path / "repo"))


def test_made_listed_and_removed(root: WorktreeRoot, tmp_path: Path) -> None:
    plan = root.plan("calm-otter")
    assert plan.branch == "opencode/calm-otter"
    assert root.is_free("calm-otter", [])
    assert not root.is_free("calm-otter", ["opencode/calm-otter"])
    root.make("calm-otter")
    assert not root.is_free("calm-otter", [])
    assert root.among([plan.directory, str(tmp_path), root.plan("gone").directory]) == [plan.directory]
    (Path(plan.directory) / "file").touch()
    assert root.remove("calm-otter") == []
    assert not Path(plan.directory).exists()


@pytest.mark.parametrize(
    "path",
    ["", "/", "{root}", "{root}/", "{root}/..", "{root}/a/b", "{root}/.hidden", "{root}/../root/a", "/root/a", "a"],
)
def test_no_other_path_names_one(root: WorktreeRoot, tmp_path: Path, path: str) -> None:
    assert root.name_of(path.replace("{root}", str(tmp_path / "root"))) is None


def test_a_link_in_the_place_of_one_leads_nowhere(root: WorktreeRoot, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").touch()
    root.make("one")
    Path(root.plan("one").directory).rmdir()
    Path(root.plan("one").directory).symlink_to(victim)
    assert root.remove("one") == []
    assert (victim / "kept").exists()


def test_one_root_for_each_repository(tmp_path: Path) -> None:
    worktrees = Worktrees(tmp_path / "data")
    for name in ("a", "b"):
        (tmp_path / name / ".git/objects").mkdir(parents=True)
        (tmp_path / name / ".git/HEAD").touch()
        (tmp_path / name / "src").mkdir()
    first, second = worktrees.of(str(tmp_path / "a")), worktrees.of(str(tmp_path / "b"))
    assert first is not None
    assert second is not None
    assert worktrees.of(str(tmp_path / "a/src")) is first
    assert first.plan("x").directory != second.plan("x").directory
    assert second.name_of(first.plan("x").directory) is None
    assert worktrees.of(str(tmp_path)) is None


def test_removals_that_were_cut_short_are_finished(tmp_path: Path) -> None:
    left = tmp_path / "data/0123/.discarded-00"
    left.mkdir(parents=True)
    (left / "file").touch()
    Worktrees(tmp_path / "data").sweep()
    assert not left.exists()
    Worktrees(tmp_path / "nothing").sweep()


@given(st.text())
def test_a_wish_becomes_a_name_that_is_one(wish: str) -> None:
    name = choose_name(wish, lambda name: True)
    assert WorktreeRoot(Path("/r"), Repository(Path("/g"), Path("/t"))).name_of(f"/r/{name}") == name


def test_names_as_the_reference_makes_them() -> None:
    assert choose_name("My Feature!", lambda name: True) == "my-feature"
    assert choose_name("My Feature!", lambda name: name != "my-feature").startswith("my-feature-")
    assert choose_name(None, lambda name: True).count("-") == 1
    with pytest.raises(ApiError) as failure:
        choose_name("x", lambda name: False)
    assert failure.value.body["name"] == "WorktreeNameGenerationFailedError"
