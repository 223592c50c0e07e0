"""A repository that names programs wherever git takes them from its configuration: none of them is run for a question.

Not in a sandbox: what git starts would leave its mark here.
"""

import subprocess
from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.project.branches import read_branches
from oad.workers.project.changes import Changes
from oad.workers.project.content import read_content
from oad.workers.project.file_names import FileNames
from oad.workers.project.identity import Identities
from oad.workers.project.ignored_names import IgnoredNames
from oad.workers.project.listing import list_nodes
from oad.workers.project.moving import Moving
from oad.workers.project.patching import apply_patch, make_repository
from oad.workers.project.search import find_text

from .conftest import Git
from .local_exec import LocalExec

PROGRAMS = {
    "fsmonitor": "core.fsmonitor",
    "ssh": "core.sshCommand",
    "pager": "core.pager",
    "editor": "core.editor",
    "external": "diff.external",
    "textconv": "diff.trap.textconv",
    "command": "diff.other.command",
    "alias": "alias.diff",
    "helper": "credential.helper",
    "signer": "gpg.program",
}
FILTERS = {"clean": "filter.trap.clean", "smudge": "filter.trap.smudge"}  # of these git can't be told to leave them out


class Traps:
    def __init__(self, place: Path, repo: Path, git: Git) -> None:
        self._marks = place / "marks"
        self._marks.mkdir(parents=True)
        for name, key in {**PROGRAMS, **FILTERS}.items():
            program = self._program(place / name, name)
            git(repo, "config", key, f"!{program}" if name == "alias" else program)
        git(repo, "config", "gpg.format", "openpgp")
        git(repo, "config", "commit.gpgSign", "true")
        for hook in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
            self._program(repo / ".git/hooks" / hook, "hook")

    def _program(self, file: Path, name: str) -> str:
        file.parent.mkdir(parents=True, exist_ok=True)
        copy = (
            'cat ${1:+"$1"} 2>/dev/null'
            if name == "textconv"
            else "cat"
            if name in FILTERS
            else f"exit {int(name == 'fsmonitor')}"
        )
        file.write_text(f"#!/bin/sh\ntouch {self._marks}/{name}\n{copy}\n")
        file.chmod(0o755)
        return str(file)

    def sprung(self) -> set[str]:
        found = {mark.name for mark in self._marks.iterdir()}
        for mark in self._marks.iterdir():
            mark.unlink()
        return found


@pytest.fixture
def hostile(repo: Path, git: Git) -> Path:
    (repo / ".gitattributes").write_text("*.txt diff=trap\n*.log diff=other\n*.bin filter=trap\n")
    for name in ("a.txt", "a.log", "a.bin"):
        (repo / name).write_text("one\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "begin")
    for name in ("a.txt", "a.log"):
        (repo / name).write_text("another\n")
    (repo / "new.txt").write_text("new\n")
    # What it lacks it would fetch, by a program of its choice.
    git(repo, "config", "remote.origin.url", "ssh://nowhere.invalid/repository")
    git(repo, "config", "remote.origin.promisor", "true")
    git(repo, "config", "remote.origin.partialclonefilter", "blob:none")
    git(repo, "config", "extensions.partialClone", "origin")
    git(repo, "config", "core.repositoryFormatVersion", "1")
    return repo


@pytest.fixture
def traps(tmp_path: Path, hostile: Path, git: Git) -> Traps:
    return Traps(tmp_path / "traps", hostile, git)


def by_hand(repo: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=repo, check=False, capture_output=True, stdin=subprocess.DEVNULL)


def test_the_traps_work(traps: Traps, hostile: Path) -> None:
    """The control: the user's own git walks into them."""
    (hostile / "a.bin").write_text("longer\n")
    for arguments in (["status"], ["diff"], ["diff", "--no-ext-diff"], ["add", "."], ["fetch"], ["commit", "-m", "x"]):
        by_hand(hostile, *arguments)
    assert traps.sprung() >= {"fsmonitor", "external", "textconv", "ssh", "hook", "clean"}


async def test_questions_start_no_program(traps: Traps, hostile: Path) -> None:
    exec, root = LocalExec(), str(hostile)
    changes = Changes(exec)
    assert {each.file for each in await changes.status(root)} == {"a.txt", "a.log", "new.txt"}
    await changes.file_status(root)
    await changes.diff(root, "git")
    await changes.diff(root, "branch")
    patch = await changes.raw(root)
    assert b"another" in patch
    for name in ("a.txt", "a.log", "a.bin"):
        await read_content(exec, root, name)
    await list_nodes(IgnoredNames(exec), root, "")
    await read_branches(exec, root)
    await Identities(exec).of(root)
    await FileNames(exec).index(root)
    await find_text(exec, root, "one")
    assert traps.sprung() <= set(FILTERS)


async def test_nor_do_changes(traps: Traps, hostile: Path) -> None:
    exec, root = LocalExec(), str(hostile)
    patch = await Changes(exec).raw(root)
    await Moving(exec, str(hostile.parent)).handle("changes.take", {"directory": root}, patch)
    await apply_patch(exec, root, patch.decode())
    await make_repository(exec, root)
    assert (hostile / "a.txt").read_text() == "another\n"
    assert traps.sprung() <= set(FILTERS)


async def test_what_is_missing_is_not_fetched(traps: Traps, hostile: Path, git: Git) -> None:
    blob = git(hostile, "-c", "core.fsmonitor=false", "rev-parse", "HEAD:a.txt")
    (hostile / ".git/objects" / blob[:2] / blob[2:]).unlink()
    traps.sprung()
    by_hand(hostile, "-c", "core.fsmonitor=false", "cat-file", "-p", blob)
    assert "ssh" in traps.sprung()
    with pytest.raises(ApiError):
        await Changes(LocalExec()).diff(str(hostile), "git")
    await read_content(LocalExec(), str(hostile), "a.txt")
    assert traps.sprung() <= set(FILTERS)
