from pathlib import Path

import pytest
import trio

from oad.workers.project import tree_stamps
from oad.workers.project.file_names import FileNames, directories_of

from .conftest import Git
from .local_exec import LocalExec


@pytest.fixture(autouse=True)
def recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the kernel's clock is coarse, and less than a test would wait."""
    monkeypatch.setattr(tree_stamps, "_RECENT_NS", 50_000_000)


class Names:
    def __init__(self, root: Path) -> None:
        self._exec = LocalExec()
        self._names = FileNames(self._exec)
        self._root = root

    async def found(self, query: str) -> list[str]:
        return (await self._names.index(str(self._root))).best(query, 10)

    async def walks(self, query: str = "a") -> bool:
        """Whether the question made ripgrep walk."""
        before = len(self._exec.calls)
        await self.found(query)
        return len(self._exec.calls) > before

    async def settle(self) -> None:
        with trio.fail_after(20):
            while await self.walks():
                pass


@pytest.fixture
async def names(repo: Path) -> Names:
    (repo / ".gitignore").write_text("out/\n")
    for directory in ("src", "deep/er", "empty/down", "out/here"):
        (repo / directory).mkdir(parents=True, exist_ok=True)
    (repo / "src/a.py").write_text("")
    (repo / "deep/er/a.py").write_text("")
    names = Names(repo)
    await names.settle()
    return names


async def test_nothing_new_is_not_looked_for(names: Names, repo: Path, git: Git) -> None:
    assert not await names.walks()
    (repo / "src/a.py").write_text("another text")
    git(repo, "commit", "-q", "--allow-empty", "-m", "changes only what is not listed")
    assert not await names.walks()


@pytest.mark.parametrize("place", [".", "src", "deep/er", "empty", "empty/down"])
async def test_a_new_file_is_found_at_once(names: Names, repo: Path, place: str) -> None:
    assert await names.found("brandnew") == []
    (repo / place / "brandnew").write_text("")
    assert [Path(path) for path in await names.found("brandnew")] == [Path(place) / "brandnew"]


async def test_what_is_gone_is_not_found(names: Names, repo: Path) -> None:
    (repo / "deep/er/a.py").unlink()
    assert await names.found("a.py") == ["src/a.py"]
    (repo / "src").rename(repo / "source")
    assert await names.found("a.py") == ["source/a.py"]


async def test_other_rules(names: Names, repo: Path) -> None:
    (repo / "out/here/hidden").write_text("")
    assert await names.found("hidden") == []
    (repo / ".gitignore").write_text("src/\n")
    assert await names.found("hidden") == ["out/here/hidden"]
    assert await names.found("a.py") == ["deep/er/a.py"]
    (repo / ".git/info/exclude").write_text("deep/\n")
    assert await names.found("a.py") == []


async def test_of_what_is_changing_nothing_is_kept(names: Names, repo: Path) -> None:
    (repo / "src/b.py").write_text("")
    assert await names.walks()
    assert await names.walks()
    await names.settle()


async def test_a_large_part_that_is_ignored_is_not_looked_into(names: Names, repo: Path) -> None:
    for number in range(100):
        (repo / f"out/{number}").mkdir()
    await names.settle()
    for number in range(100):
        (repo / f"empty/{number}").mkdir()
    with pytest.raises(trio.TooSlowError), trio.fail_after(0.3):
        while await names.walks():
            pass


def test_directories() -> None:
    assert sorted(directories_of(["a/b/c", "a/d", "e"])) == ["a/", "a/b/"]
