import os
from pathlib import Path
from typing import Any

import pytest

from oad.contract.errors import ApiError
from oad.workers.exec import Command, Outcome
from oad.workers.project import changes as changes_module
from oad.workers.project.changes import Changes
from oad.workers.project.patching import apply_patch

from .conftest import Git
from .local_exec import LocalExec, NoExec

CHANGES = Changes(LocalExec())


@pytest.fixture
def dirty(repo: Path, git: Git) -> Path:
    """A change of each kind."""
    (repo / "README.md").write_text("# r\n")
    (repo / "src/a.txt").write_text("alpha\nbeta\ngamma\n")
    (repo / "old.txt").write_text("".join(f"{n}\n" for n in range(20)))
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "a")
    (repo / "README.md").unlink()
    (repo / "src/a.txt").write_text("alpha\nBETA\ngamma\n")
    (repo / "bin.dat").write_bytes(bytes(range(256)))
    (repo / "src/ünträcked 1").write_text("u1\nu2\n")
    git(repo, "mv", "old.txt", "new.txt")
    return repo


async def status(directory: Path) -> list[tuple[str, int, int, str]]:
    return [(each.file, each.additions, each.deletions, each.status) for each in await CHANGES.status(str(directory))]


async def test_each_kind_of_change(dirty: Path, git: Git) -> None:
    index = (dirty / ".git/index").read_bytes()
    expected = [
        ("bin.dat", 0, 0, "added"),
        ("new.txt", 20, 0, "added"),
        ("old.txt", 0, 20, "deleted"),
        ("README.md", 0, 1, "deleted"),
        ("src/a.txt", 1, 1, "modified"),
        ("src/ünträcked 1", 2, 0, "added"),
    ]
    assert await status(dirty) == expected
    diffs = await CHANGES.diff(str(dirty), "git")
    assert [(each.file, each.additions, each.deletions, each.status) for each in diffs] == expected
    patches = {each.file: each.patch or "" for each in diffs}
    assert all(patch.startswith("diff --git ") and patch.count("diff --git") == 1 for patch in patches.values())
    assert patches["bin.dat"].endswith("Binary files /dev/null and b/bin.dat differ\n")
    assert patches["src/ünträcked 1"].endswith("@@ -0,0 +1,2 @@\n+u1\n+u2\n")
    assert (dirty / ".git/index").read_bytes() == index
    assert "?? " in git(dirty, "status", "--short")


async def test_context(repo: Path, git: Git) -> None:
    lines = [f"{n}\n" for n in range(100)]
    (repo / "f").write_text("".join(lines))
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "a")
    (repo / "f").write_text("".join([*lines[:50], "fifty\n", *lines[51:]]))
    whole, narrow = [(await CHANGES.diff(str(repo), "git", *more))[0].patch or "" for more in ((), (0,))]
    assert "@@ -1,100 +1,100 @@" in whole
    assert "@@ -51 +51 @@" in narrow
    assert narrow.endswith("\n-50\n+fifty\n")


async def test_a_subdirectory_tells_of_itself(dirty: Path) -> None:
    assert [file for file, *_ in await status(dirty / "src")] == ["src/a.txt", "src/ünträcked 1"]
    assert [each.path for each in await CHANGES.file_status(str(dirty / "src"))] == ["a.txt", "ünträcked 1"]
    assert [each.path for each in await CHANGES.file_status(str(dirty))][-1] == "src/ünträcked 1"


async def test_no_commits(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "new")
    (tmp_path / "new/a").write_text("1\n")
    (tmp_path / "new/b").write_text("2\n")
    git(tmp_path / "new", "add", "b")
    assert await status(tmp_path / "new") == [("a", 1, 0, "added"), ("b", 1, 0, "added")]
    assert await CHANGES.diff(str(tmp_path / "new"), "branch") == []


async def test_no_repository_and_no_git(home: Path, dirty: Path) -> None:
    for changes, directory in ((CHANGES, home), (Changes(NoExec()), dirty), (CHANGES, dirty / ".git")):
        assert await changes.status(str(directory)) == []
        assert await changes.diff(str(directory), "git") == []
        assert await changes.raw(str(directory)) == b""


async def test_against_the_default_branch(repo: Path, git: Git) -> None:
    (repo / "f").write_text("1\n")
    assert await CHANGES.diff(str(repo), "branch") == []
    git(repo, "checkout", "-qb", "feature")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "f")
    (repo / "g").write_text("2\n")
    assert [each.file for each in await CHANGES.diff(str(repo), "branch")] == ["f", "g"]
    assert [each.file for each in await CHANGES.diff(str(repo), "git")] == ["g"]
    git(repo, "checkout", "-q", "main")
    git(repo, "commit", "-q", "--allow-empty", "-m", "later")
    git(repo, "checkout", "-q", "feature")
    assert [each.file for each in await CHANGES.diff(str(repo), "branch")] == ["f", "g"]


async def test_a_raw_patch_makes_the_same_elsewhere(dirty: Path, tmp_path: Path, git: Git) -> None:
    git(tmp_path, "clone", "-q", str(dirty), "clone")
    patch = await CHANGES.raw(str(dirty))
    await apply_patch(LocalExec(), str(tmp_path / "clone/src"), patch.decode())
    assert await status(tmp_path / "clone") == await status(dirty)
    assert (tmp_path / "clone/bin.dat").read_bytes() == bytes(range(256))


async def test_links_modes_and_file_types(repo: Path, git: Git) -> None:
    (repo / "f").write_text("f\n")
    (repo / "mode").write_text("m\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "a")
    (repo / "f").unlink()
    (repo / "f").symlink_to("mode")
    (repo / "mode").chmod(0o755)
    (repo / "outside").symlink_to("/etc/passwd")
    os.mkfifo(repo / "fifo")
    assert await status(repo) == [("f", 1, 1, "modified"), ("mode", 0, 0, "modified"), ("outside", 1, 0, "added")]
    patches = [each.patch or "" for each in await CHANGES.diff(str(repo), "git")]
    assert patches[0].count("diff --git") == 2
    assert patches[1].endswith("old mode 100644\nnew mode 100755\n")
    assert patches[2].endswith("+/etc/passwd\n\\ No newline at end of file\n")


async def test_submodules_and_repositories_within(repo: Path, tmp_path: Path, git: Git) -> None:
    git(tmp_path, "clone", "-q", str(repo), "library")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    git(repo, "commit", "-qm", "lib")
    git(repo / "lib", "commit", "-q", "--allow-empty", "-m", "moved")
    git(tmp_path, "clone", "-q", str(repo), "repo/nested")
    assert await status(repo) == [("lib", 1, 1, "modified"), ("nested/", 0, 0, "added")]
    (diff, nested) = await CHANGES.diff(str(repo), "git")
    assert "+Subproject commit " in (diff.patch or "")
    assert nested.patch is None
    assert b"nested" not in await CHANGES.raw(str(repo))


async def test_a_conflict(repo: Path, git: Git) -> None:
    for branch, text in (("one", "1\n"), ("two", "2\n")):
        git(repo, "checkout", "-q", "-b", branch, "main")
        (repo / "f").write_text(text)
        git(repo, "add", ".")
        git(repo, "commit", "-qm", branch)
    with pytest.raises(Exception, match="merge"):
        git(repo, "merge", "-q", "one")
    assert await status(repo) == [("f", 4, 0, "modified")]


async def test_configuration_neither_runs_programs_nor_changes_the_form(dirty: Path, git: Git) -> None:
    program = dirty.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {dirty.parent}/started\n")
    program.chmod(0o755)
    before = [each.patch for each in await CHANGES.diff(str(dirty), "git")]
    for key, value in (
        ("diff.external", str(program)),
        ("diff.x.textconv", str(program)),
        ("core.fsmonitor", str(program)),
        ("diff.noprefix", "true"),
        ("diff.relative", "true"),
        ("diff.renames", "copies"),
        ("color.ui", "always"),
        ("core.pager", str(program)),
    ):
        git(dirty, "config", key, value)
    (dirty / ".git/info/attributes").write_text("* diff=x\n")
    assert [each.patch for each in await CHANGES.diff(str(dirty), "git")] == before
    assert not (dirty.parent / "started").exists()


async def test_what_is_too_much(dirty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "_MAX_BYTES", 900)
    diffs = await CHANGES.diff(str(dirty), "git")
    assert [each.file for each in diffs][-1] == "src/ünträcked 1"
    assert {each.patch is None for each in diffs} == {True, False}
    assert diffs[-1].patch is None
    assert diffs[-1].additions == 2
    with pytest.raises(ApiError, match="larger than"):
        await CHANGES.raw(str(dirty))


async def test_untracked_files_that_are_not_read(dirty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "_MAX_UNTRACKED", 1)
    assert ("src/ünträcked 1", 0, 0, "added") in await status(dirty)
    monkeypatch.undo()
    monkeypatch.setattr(changes_module, "_MAX_UNTRACKED_BYTES", 10)
    assert {"bin.dat": 0, "src/ünträcked 1": 2}.items() <= {
        file: count for file, count, *_ in await status(dirty)
    }.items()
    with pytest.raises(ApiError, match=r"bin\.dat"):
        await CHANGES.raw(str(dirty))


class Unreadable(LocalExec):
    """Whatever git is to read besides what it knows cannot be read."""

    async def run(self, command: Command, **options: Any) -> Outcome:
        if "GIT_INDEX_FILE" in command.env and "diff" in command.argv:
            command = Command(argv=["git", "no-such-command"], cwd=command.cwd, env=command.env)
        return await super().run(command, **options)


async def test_an_untracked_file_that_cannot_be_read_spoils_nothing_else(dirty: Path) -> None:
    found = {each.file: each.additions for each in await Changes(Unreadable()).status(str(dirty))}
    assert found["src/a.txt"] == 1
    assert found["src/ünträcked 1"] == 0


async def test_a_broken_repository_is_an_error(dirty: Path) -> None:
    for file in (dirty / ".git/objects").rglob("??*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(ApiError, match="git can't tell"):
        await CHANGES.status(str(dirty))


async def test_linked_worktrees_and_split_indexes(repo: Path, git: Git) -> None:
    git(repo, "worktree", "add", "-q", str(repo.parent / "linked"))
    git(repo, "update-index", "--split-index")
    for place in (repo, repo.parent / "linked"):
        (place / "f").write_text("1\n")
        git(place, "add", "f")
        (place / "g").write_text("2\n")
        assert await status(place) == [("f", 1, 0, "added"), ("g", 1, 0, "added")]
        assert git(place, "status", "--short") == "A  f\n?? g"
