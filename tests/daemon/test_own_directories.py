"""Only what was made is removed, whatever was put into it."""

import os
from pathlib import Path

import pytest

from oad.daemon.own_directories import OwnDirectories


@pytest.fixture
def own(tmp_path: Path) -> OwnDirectories:
    return OwnDirectories(tmp_path / "scratch")


def test_made_private_and_removed(own: OwnDirectories) -> None:
    made = own.make("ses_a1")
    assert made.stat().st_mode & 0o777 == 0o700
    assert own.make("ses_a1") == made
    (made / "x").mkdir()
    (made / "x/y").write_text("1")
    assert own.remove("ses_a1") == []
    assert list(made.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "/etc", "ses_a/../..", "ses_", "ses_a/b", "x", "project-1", "ses_a\n"])
def test_no_other_names(own: OwnDirectories, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        own.remove(name)
    with pytest.raises(ValueError, match="no name"):
        own.make(name)


def test_links_are_removed_and_not_followed(own: OwnDirectories, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("1")
    made = own.make("ses_a1")
    (made / "link").symlink_to(outside)
    (made / "deep").mkdir()
    (made / "deep/link").symlink_to(outside, target_is_directory=True)
    os.link(outside / "kept", made / "second-name")
    assert own.remove("ses_a1") == []
    assert (outside / "kept").read_text() == "1"


def test_a_link_in_its_own_place_is_removed_alone(own: OwnDirectories, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    made = own.make("ses_a1")
    made.rmdir()
    made.symlink_to(outside)
    with pytest.raises(OSError, match="ses_a1"):
        own.make("ses_a1")
    assert own.remove("ses_a1") == []
    assert (outside / "kept").exists()
    assert not made.is_symlink()


def test_a_root_that_is_a_link_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "ses_a1").mkdir(parents=True)
    (tmp_path / "scratch").symlink_to(outside)
    with pytest.raises(OSError, match="scratch"):
        OwnDirectories(tmp_path / "scratch").remove("ses_a1")
    assert (outside / "ses_a1").exists()


def test_a_tree_deeper_than_stack_and_paths(own: OwnDirectories) -> None:
    made = own.make("ses_a1")
    here = os.open(made, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert own.remove("ses_a1") == []
    assert list(made.parent.iterdir()) == []


def test_directories_without_permissions(own: OwnDirectories) -> None:
    made = own.make("ses_a1")
    (made / "closed/inner").mkdir(parents=True)
    (made / "closed").chmod(0)
    assert own.remove("ses_a1") == []
    assert not made.exists()


def test_nothing_there_is_nothing_to_do(own: OwnDirectories) -> None:
    assert own.remove("ses_a1") == []
    own.make("ses_b")
    assert own.remove("ses_a1") == []


def test_a_removal_that_was_cut_short_is_finished(own: OwnDirectories) -> None:
    own.sweep()
    made = own.make("ses_a1")
    (made.parent / ".discarded-12" / "x").mkdir(parents=True)
    own.sweep()
    assert list(made.parent.iterdir()) == [made]
