import os
import shutil
from pathlib import Path
from unittest.mock import ANY

import pytest

from oad.workers.snapshots.changes import ABSENT
from oad.workers.snapshots.store import Listed, NoSnapshot, SnapshotStore, TooLarge

from ..project.local_exec import LocalExec, NoExec
from .project import BEGIN, git, make_project, place_of, store_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def kept(project: Path, pattern: str) -> list[Path]:
    return list(Path(place_of(project).directory).glob(pattern))


async def record_all(store: SnapshotStore, since: str | None = None) -> tuple[str, list[str]]:
    recorded = await store.record((await store.list_changed()).changed, since)
    return recorded.tree, [change.path for change in recorded.changes]


async def test_changes_by_anybody_are_found_and_the_repository_is_untouched(project: Path) -> None:
    status = git(project, "status", "--porcelain=v2", "--branch")
    index = (project / ".git/index").read_bytes()
    store = store_of(project)
    first, _ = await record_all(store)
    assert status == git(project, "status", "--porcelain=v2", "--branch")
    (project / "new.txt").write_text("n")
    (project / "src/a.txt").write_text("changed")
    (project / "README.md").unlink()
    (project / "out").mkdir()
    (project / "out/ignored").write_text("i")
    (project / "link").symlink_to("/etc/passwd")
    assert (await record_all(store, first))[1] == ["README.md", "link", "new.txt", "src/a.txt"]
    assert (project / ".git/index").read_bytes() == index


async def test_what_is_committed_needs_no_reading(project: Path) -> None:
    store = store_of(project)
    assert (await store.list_changed()).changed == []
    assert kept(project, "objects/??/*") == []  # the repository's own are used


@pytest.mark.parametrize("attributes", ["*.txt filter=upper", "*.txt text=auto", "*.txt ident"])
async def test_files_that_git_would_change_are_kept_as_they_are(tmp_path: Path, attributes: str) -> None:
    text = "one\r\ntwo $Id$\r\n"
    project = make_project(tmp_path / "project", {"a.txt": "x\n"})
    git(project, "config", "filter.upper.clean", "tr a-z A-Z")
    (project / ".gitattributes").write_text(attributes + "\n")
    (project / "a.txt").write_bytes(text.encode())
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "converted")
    store = store_of(project)
    tree, _ = await record_all(store)
    entry = (await store.entries(tree, ["a.txt"]))["a.txt"]
    assert (await store.read([entry.blob]))[entry.blob] == text.encode()


async def test_a_second_session_starts_from_the_first_ones_view(project: Path) -> None:
    (project / "new.txt").write_text("n")
    tree, _ = await record_all(store_of(project, "ses_1"))
    assert (await store_of(project, "ses_2").list_changed()) == Listed(tree, [])


async def test_a_lock_that_was_left_over_hinders_nobody(project: Path) -> None:
    store = store_of(project)
    await record_all(store)
    kept(project, "index-ses_1")[0].with_suffix(".lock").touch()
    (project / "new.txt").write_text("n")
    assert (await record_all(store))[0]


async def test_a_file_in_the_place_of_a_directory_and_the_other_way_round(project: Path) -> None:
    store = store_of(project)
    first, _ = await record_all(store)
    shutil.rmtree(project / "src/deep")
    (project / "src/deep").write_text("now a file")
    (project / "README.md").unlink()
    (project / "README.md").mkdir()
    (project / "README.md/inside").write_text("i")
    assert (await record_all(store, first))[1] == ["README.md", "README.md/inside", "src/deep", "src/deep/b.txt"]


async def test_worktrees_and_subdirectories(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    linked = tmp_path / "linked"
    (linked / "side.txt").write_text("s")
    store = store_of(linked)
    assert (await store.list_changed()).changed == ["side.txt"]
    assert (await store_of(project).list_changed()).changed == []


async def test_large_and_unreadable_files_are_left_out(project: Path) -> None:
    with (project / "large").open("wb") as file:
        file.truncate(2 << 20)
    os.mkfifo(project / "fifo")
    nested = make_project(project / "nested", {"x": "x"})
    assert nested.is_dir()
    assert (await store_of(project, file_mb=1).list_changed()) == Listed(ANY, [], frozenset({"large", "nested/"}))


@pytest.mark.parametrize("policy", [{"files": 2}, {"tree_mb": 1}])
async def test_beyond_a_limit_there_is_none(project: Path, policy: dict[str, int]) -> None:
    for name in "abc":
        (project / name).write_bytes(b"x" * 600_000)
    with pytest.raises(TooLarge, match=r"\[snapshots\]"):
        await store_of(project, **policy).list_changed()


async def test_contents_entries_and_differences(project: Path) -> None:
    store = store_of(project)
    first, _ = await record_all(store)
    (project / "src/a.txt").write_text("alpha\nBETA\ngamma\n")
    (project / 'odd "name"\n').write_text("o")
    second, _ = await record_all(store)
    [changes, none] = await store.compare([(first, second), (second, second)])
    assert ([each.path for each in changes], none) == (['odd "name"\n', "src/a.txt"], [])
    found = await store.read([entry.blob for each in changes for entry in (each.before, each.after) if entry.exists])
    assert b"o" in found.values() and BEGIN["src/a.txt"].encode() in found.values()
    assert await store.entries(first, ["src/a.txt", "nothing"]) == {"src/a.txt": changes[1].before, "nothing": ABSENT}
    assert "-beta\n+BETA" in await store.show(first, second, ["src/a.txt"])
    assert await store.show(first, second, []) == ""


async def test_a_tree_with_single_files_as_they_are_now(project: Path) -> None:
    store = store_of(project)
    first, _ = await record_all(store)
    (project / "src/a.txt").write_text("now")
    (project / "README.md").write_text("not asked for")
    mixed = await store.record_on(first, ["src/a.txt"])
    [changes] = await store.compare([(first, mixed)])
    assert [each.path for each in changes] == ["src/a.txt"]
    assert (await store.list_changed()).changed == ["README.md", "src/a.txt"]  # its own view did not move


async def test_what_is_not_kept_any_more_is_said_to_be(project: Path) -> None:
    store = store_of(project)
    tree, _ = await record_all(store)
    with pytest.raises(NoSnapshot, match="not kept"):
        await store.compare([(tree, "1" * 40)])
    with pytest.raises(NoSnapshot, match="not kept"):
        await store.read(["1" * 40])
    with pytest.raises(NoSnapshot, match="no name"):
        await store.compare([("--output=/tmp/x", tree)])


async def test_collecting_keeps_what_is_in_use(project: Path) -> None:
    store = store_of(project)
    first, _ = await record_all(store)
    (project / "new.txt").write_text("n")
    second, _ = await record_all(store)
    await store.collect()
    assert [each.path for each in (await store.compare([(first, second)]))[0]] == ["new.txt"]
    assert kept(project, "collected")


async def test_collecting_beside_a_session_that_records_keeps_its_state_and_its_lock(project: Path) -> None:
    store = store_of(project)
    tree, _ = await record_all(store)
    place = Path(place_of(project).directory)
    lock = place / "index-ses_1.lock"
    lock.touch()  # as a git that is just recording holds it
    await store.collect()
    assert lock.exists()
    assert git(place, "--git-dir=.", "rev-parse", "refs/kept/ses_1").strip() == tree
    assert not [name for name in os.listdir(place) if name.startswith("index-copy")]


async def test_too_much_on_disk_is_refused(project: Path) -> None:
    store = store_of(project, store_mb=1)
    (project / "noise").write_bytes(os.urandom(3 << 20))
    await record_all(store)
    assert store.overdue
    with pytest.raises(TooLarge, match="store_mb"):
        await store.collect()


async def test_without_git_there_is_none(project: Path) -> None:
    with pytest.raises(NoSnapshot):
        await SnapshotStore(NoExec(), place_of(project), "ses_1").list_changed()


async def test_git_sees_none_of_the_users_settings(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".gitconfig").write_text("[core]\n\tautocrlf = true\n\thooksPath = /nowhere\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    (project / "crlf.txt").write_bytes(b"a\r\n")
    store = SnapshotStore(LocalExec(), place_of(project), "ses_1")
    tree, _ = await record_all(store)
    entry = (await store.entries(tree, ["crlf.txt"]))["crlf.txt"]
    assert (await store.read([entry.blob]))[entry.blob] == b"a\r\n"
