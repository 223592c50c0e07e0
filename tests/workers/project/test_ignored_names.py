"""Kept answers against git's own, through changes of everything that decides on them."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from oad.workers.project import tree_stamps
from oad.workers.project.ignored_names import IgnoredNames

from .conftest import Git
from .local_exec import LocalExec, NoExec

NAMES = ["a.log", "b.txt", "c", "out/", "src/"]
RULES = [
    "*.log",
    "!a.log",
    "/out/",
    "out",
    "!out/",
    "src/*",
    "**/c",
    "c",
    "[ab].*",
    "!*.txt",
    "# none",
    "*",
    "\\#x",
    "b.txt ",
]


@pytest.fixture(autouse=True)
def recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the kernel's clock is coarse, and less than a test would wait."""
    monkeypatch.setattr(tree_stamps, "_RECENT_NS", 50_000_000)


@pytest.fixture
def tree(repo: Path, git: Git) -> Path:
    for level in (repo, repo / "src", repo / "src/deep"):
        for directory in ("out", "src"):
            (level / directory).mkdir(parents=True, exist_ok=True)
        for name in ("a.log", "b.txt", "c", "out/x", "src/x"):
            (level / name).write_text("")
    return repo


def truth(directory: Path) -> set[str]:
    """Git's own answer to the plain question."""
    command = ["git", "check-ignore", "--stdin", "-z"]
    done = subprocess.run(command, cwd=directory, input="\0".join(NAMES), capture_output=True, text=True, check=False)
    return {name.rstrip("/") for name in done.stdout.split("\0") if name}


class Asked:
    """One directory's names, asked for again and again."""

    def __init__(self, directory: Path) -> None:
        self.exec = LocalExec()
        self._names = IgnoredNames(self.exec)
        self.directory = directory

    async def __call__(self) -> set[str]:
        return set(await self._names.among(str(self.directory), NAMES))

    async def asks_git(self) -> bool:
        before = len(self.exec.calls)
        await self()
        return len(self.exec.calls) > before

    async def settle(self) -> None:
        with trio.fail_after(20):
            while await self.asks_git():
                pass


async def test_git_is_asked_once(tree: Path) -> None:
    (tree / ".gitignore").write_text("*.log\nout/\n")
    asked = Asked(tree)
    assert await asked() == {"a.log", "out"}
    await asked.settle()
    assert await asked() == {"a.log", "out"}
    (tree / "src/deep/b.txt").write_text("what is in files does not matter")
    assert not await asked.asks_git()


def _tracked(tree: Path, git: Git) -> None:
    git(tree, "add", "-f", "src/a.log")


def _named_by_user(tree: Path, git: Git) -> None:
    git(tree, "config", "--global", "core.excludesFile", "~/mine")


CHANGES: dict[str, Callable[[Path, Git], object]] = {
    "above": lambda tree, _: (tree / ".gitignore").write_text("*.txt\n"),
    "beside": lambda tree, _: (tree / "src/.gitignore").write_text("!a.log\nb.txt\n"),
    "excluded": lambda tree, _: (tree / ".git/info/exclude").write_text("/src/c\n"),
    "tracked": _tracked,
    "of the user": lambda tree, _: _write(tree.parent / "home/.config/git/ignore", "c\n"),
    "named by the user": _named_by_user,
    "a repository of its own": lambda tree, git: git(tree / "src", "init", "-q"),
    "case": lambda tree, git: git(tree, "config", "core.ignoreCase", "true"),
}


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_seen_at_once(name: str, tree: Path, git: Git) -> None:
    (tree / ".gitignore").write_text("*.log\nC\n")
    (tree.parent / "home/mine").write_text("b.txt\n")
    asked = Asked(tree / "src")
    await asked.settle()
    before = await asked()
    CHANGES[name](tree, git)
    assert await asked() == truth(tree / "src") != before


async def test_a_file_of_rules_that_the_configuration_names(tree: Path, git: Git) -> None:
    (tree.parent / "home/mine").write_text("b.txt\n")
    _named_by_user(tree, git)
    asked = Asked(tree)
    await asked.settle()
    assert await asked() == {"b.txt"}
    (tree.parent / "home/mine").write_text("other\n")
    assert await asked() == set()


async def test_nothing_is_kept_where_configuration_includes_another(tree: Path, git: Git) -> None:
    git(tree, "config", "include.path", "../elsewhere")
    asked = Asked(tree)
    for _ in range(3):
        assert await asked.asks_git()


async def test_linked_worktrees_have_the_rules_of_their_repository(tree: Path, git: Git) -> None:
    linked = tree.parent / "linked"
    git(tree, "worktree", "add", "-q", str(linked))
    asked = Asked(linked)
    await asked.settle()
    (tree / ".git/info/exclude").write_text("c\n")
    assert await asked() == {"c"}


async def test_random_rules_in_random_places(tree: Path, git: Git) -> None:
    choose = random.Random(5)
    places = [".gitignore", "src/.gitignore", "src/deep/.gitignore", ".git/info/exclude", "../home/.config/git/ignore"]
    asked = [Asked(tree / directory) for directory in (".", "src", "src/deep", "src/out")]
    for _ in range(12):
        place = tree / choose.choice(places)
        if choose.random() < 0.2:
            place.unlink(missing_ok=True)
        else:
            _write(place, "\n".join(choose.choices(RULES, k=3)) + "\n")
        if choose.random() < 0.3:
            git(tree, "add", "-f", choose.choice(["a.log", "src/c", "src/deep/out/x"]))
        for each in asked:
            if choose.random() < 0.3:
                await each.settle()
            assert await each() == truth(each.directory)


async def test_where_there_is_no_repository_or_no_git(tmp_path: Path, tree: Path) -> None:
    assert await Asked(tmp_path)() == set()
    assert await IgnoredNames(NoExec()).among(str(tree), NAMES) == frozenset()
