import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from oad.contract.policy import Policy
from oad.daemon.leftovers import Leftover, Leftovers

NOW = 2_000_000_000.0
DAY = 86_400
TREE = "tree-" + "0" * 24
OLD_TREE = "tree-" + "1" * 24


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("ses_live", "ses_gone", "pty_1", "project-0123456789abcdef", "project-fedcba9876543210", "alien"):
        (tmp_path / "scratch" / name / "tmp").mkdir(parents=True)
        (tmp_path / "scratch" / name / "tmp/file").write_text("x" * 5000)
    for name in (TREE, OLD_TREE):
        (tmp_path / "snapshots" / name / "objects").mkdir(parents=True)
        (tmp_path / "snapshots" / name / "index-ses_live").write_text("x")
    for file in ("index-ses_gone", "index-ses_gone.lock", "config"):
        (tmp_path / "snapshots" / TREE / file).write_text("x")
    for path in (*(tmp_path / "snapshots" / OLD_TREE).iterdir(), tmp_path / "snapshots" / OLD_TREE):
        os.utime(path, (NOW - 8 * DAY, NOW - 8 * DAY))
    for path in (*(tmp_path / "snapshots" / TREE).iterdir(), tmp_path / "snapshots" / TREE):
        os.utime(path, (NOW - 8 * DAY, NOW - 8 * DAY))
    os.utime(tmp_path / "snapshots" / TREE / "index-ses_live", (NOW, NOW))
    for name, age in (("project-0123456789abcdef", 11), ("project-fedcba9876543210", 9)):
        os.utime(tmp_path / "scratch" / name, (NOW - age * DAY, NOW - age * DAY))
    return tmp_path


def choose(data: Path, sessions: Mapping[str, float]) -> set[tuple[str, str]]:
    leftovers = Leftovers(data, Policy())
    used = {id: int(seconds * 1000) for id, seconds in sessions.items()}
    return {(each.kind, each.name) for each in leftovers.choose(leftovers.look(), used, NOW)}


def test_what_belongs_to_nobody_is_found(data: Path) -> None:
    assert choose(data, {"ses_live": NOW}) == {
        ("scratch", "ses_gone"),
        ("scratch", "pty_1"),
        ("scratch", "project-0123456789abcdef"),
        ("snapshots", OLD_TREE),
    }


def test_temporary_files_go_when_their_session_has_rested(data: Path) -> None:
    assert ("temporary", "ses_live") not in choose(data, {"ses_live": NOW - 9 * DAY})
    assert ("temporary", "ses_live") in choose(data, {"ses_live": NOW - 11 * DAY})
    (data / "scratch/ses_live/tmp/file").unlink()
    assert ("temporary", "ses_live") not in choose(data, {"ses_live": NOW - 11 * DAY})


def test_what_is_set_aside_is_out_of_use_and_then_removed(data: Path) -> None:
    leftovers = Leftovers(data, Policy())
    (data / "scratch/ses_live/tool-output").mkdir()
    leftovers.set_aside(Leftover("temporary", "ses_live", "tmp"))
    leftovers.set_aside(Leftover("scratch", "ses_gone"))
    leftovers.set_aside(Leftover("scratch", "ses_nowhere"))
    leftovers.set_aside(Leftover("snapshots", OLD_TREE))
    assert os.listdir(data / "scratch/ses_live") == ["tool-output"]
    assert not (data / "scratch/ses_gone").exists()
    assert leftovers.remove_aside() == []
    assert not [name for name in os.listdir(data / "scratch") if name.startswith(".")]
    assert os.listdir(data / "snapshots") == [TREE]


def test_links_lead_nowhere(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "tmp").mkdir()
    (outside / "tmp/kept").write_text("x")
    (data / "scratch/ses_link").symlink_to(outside)
    (data / "scratch/ses_gone/link").symlink_to(outside)
    (data / "scratch/ses_inner").mkdir()
    (data / "scratch/ses_inner/tmp").symlink_to(outside / "tmp")
    leftovers = Leftovers(data, Policy())
    leftovers.set_aside(Leftover("scratch", "ses_gone"))
    leftovers.set_aside(Leftover("scratch", "ses_link"))
    leftovers.set_aside(Leftover("temporary", "ses_inner", "tmp"))
    with pytest.raises(OSError, match="ses_link2"):
        (data / "scratch/ses_link2").symlink_to(outside)
        leftovers.set_aside(Leftover("temporary", "ses_link2", "tmp"))
    assert leftovers.remove_aside() == []
    assert (outside / "tmp/kept").exists()
    with pytest.raises(ValueError, match="no name"):
        leftovers.set_aside(Leftover("scratch", "../outside"))


def test_how_much_it_is(data: Path) -> None:
    leftovers = Leftovers(data, Policy())
    found = [Leftover("scratch", "ses_gone"), Leftover("scratch", "pty_1"), Leftover("temporary", "ses_live", "tmp")]
    used = leftovers.measure(found)
    assert used["scratch"].items == 2
    assert used["scratch"].bytes >= 10_000
    assert used["temporary"].items == 1
    assert used["temporary"].bytes >= 5000


def test_indexes_of_sessions_that_are_no_more(data: Path) -> None:
    leftovers = Leftovers(data, Policy())
    listing = leftovers.look()
    assert leftovers.remove_indexes(listing, {"ses_live": 1}, dry=True).items == 2
    assert (data / "snapshots" / TREE / "index-ses_gone").exists()
    assert leftovers.remove_indexes(listing, {"ses_live": 1}, dry=False).items == 2
    assert sorted(os.listdir(data / "snapshots" / TREE)) == ["config", "index-ses_live", "objects"]


def test_an_empty_directory_has_none(tmp_path: Path) -> None:
    leftovers = Leftovers(tmp_path, Policy())
    assert leftovers.choose(leftovers.look(), {}, NOW) == []
    assert leftovers.remove_aside() == []
