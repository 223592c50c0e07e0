import os
from pathlib import Path

import pytest

from oad.workers.snapshots.changes import ABSENT, Entry
from oad.workers.snapshots.restore import Target, restore

CONTENTS = {"t": b"text", "l": b"src/a"}
FILE, PROGRAM, LINK = Entry("100644", "t"), Entry("100755", "t"), Entry("120000", "l")


def put(root: Path, **targets: Entry) -> dict[str, str]:
    return restore(root, [Target(path.replace("__", "/"), entry) for path, entry in targets.items()], CONTENTS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("kept")
    return tmp_path / "root"


def test_files_links_and_programs_come_back(root: Path) -> None:
    (root / "old").write_text("old")
    (root / "old").chmod(0o640)
    assert put(root, a__b__c=FILE, tool=PROGRAM, link=LINK, old=FILE) == {}
    assert (root / "a/b/c").read_text() == "text"
    assert os.access(root / "tool", os.X_OK) and not (root / "a/b/c").stat().st_mode & 0o111
    assert (root / "link").readlink() == Path("src/a")
    assert (root / "old").stat().st_mode & 0o777 == 0o640


def test_what_was_not_there_goes_and_its_empty_directories_too(root: Path) -> None:
    (root / "d/e").mkdir(parents=True)
    (root / "d/e/f").touch()
    (root / "d/stays").touch()
    assert put(root, d__e__f=ABSENT, never__was=ABSENT) == {}
    assert sorted(path.name for path in root.rglob("*")) == ["d", "stays"]


def test_a_file_comes_in_the_place_of_a_directory_and_back(root: Path) -> None:
    (root / "x").mkdir()
    (root / "x/y").touch()
    assert put(root, x=FILE, x__y=ABSENT) == {}
    assert (root / "x").read_text() == "text"
    assert put(root, x=ABSENT, x__y=FILE) == {}
    assert (root / "x/y").read_text() == "text"


def test_a_directory_with_files_of_others_stays(root: Path) -> None:
    (root / "x").mkdir()
    (root / "x/others").touch()
    assert list(put(root, x=FILE, y=FILE)) == ["x"]
    assert (root / "x/others").exists() and (root / "y").exists()
    assert sorted(path.name for path in root.iterdir()) == ["x", "y"]  # nothing temporary is left


@pytest.mark.parametrize("entry", [FILE, ABSENT, LINK])
def test_links_lead_nowhere(root: Path, entry: Entry) -> None:
    (root / "swapped").symlink_to("../outside")
    put(root, swapped__kept=entry, swapped__deeper__new=entry)
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["kept"]
    assert (root.parent / "outside/kept").read_text() == "kept"


def test_a_link_in_the_place_of_a_file_is_replaced_itself(root: Path) -> None:
    (root / "f").symlink_to("../outside/kept")
    assert put(root, f=FILE) == {}
    assert not (root / "f").is_symlink()
    assert (root.parent / "outside/kept").read_text() == "kept"


@pytest.mark.parametrize(
    "path", ["../outside/kept", "/etc/x", "a/../../outside/kept", ".git/config", "sub/.GIT/hooks/x"]
)
def test_paths_that_leave_the_worktree_are_refused(root: Path, path: str) -> None:
    assert list(restore(root, [Target(path, FILE)], CONTENTS)) == [path]
    assert (root.parent / "outside/kept").read_text() == "kept"
