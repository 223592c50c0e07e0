from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from oad.workers.watching import watcher as module
from oad.workers.watching.tree import Change
from oad.workers.watching.watcher import NotWatched, Watcher, shorten


class Seen:
    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.heads = 0
        self._news = trio.Event()

    async def tell(self, changes: list[Change]) -> None:
        self.changes += changes
        self._news.set()

    async def tell_head(self) -> None:
        self.heads += 1
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(10):
            while not condition():
                self._news = trio.Event()
                await self._news.wait()

    async def change(self, path: Path, event: str) -> None:
        await self.until(lambda: any((c.file, c.event) == (str(path), event) for c in self.changes))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEP_MS", 20)


@asynccontextmanager
async def watching(root: Path, *, limit: int = 100, more: list[str] | None = None) -> AsyncGenerator[Seen]:
    """Once it watches."""
    seen = Seen()
    git = root / ".git"
    git.mkdir(exist_ok=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    async with trio.open_nursery() as nursery:
        watcher = Watcher(root, root, more or [], git, limit=limit)
        nursery.start_soon(watcher.run, seen.tell, seen.tell_head)
        await seen.until(lambda: seen.heads == 1)
        yield seen
        nursery.cancel_scope.cancel()


async def test_files_come_change_and_go(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/old").write_text("1")
    async with watching(tmp_path, more=["*.quiet"]) as seen:
        (tmp_path / "src/x.quiet").write_text("1")
        (tmp_path / "src/new").write_text("1")
        await seen.change(tmp_path / "src/new", "add")
        (tmp_path / "src/old").write_text("2")
        await seen.change(tmp_path / "src/old", "change")
        (tmp_path / "src/old").unlink()
        await seen.change(tmp_path / "src/old", "unlink")
    assert not [change for change in seen.changes if "quiet" in change.file or "/.git" in change.file]


async def test_new_directories_with_what_is_in_them_already(tmp_path: Path) -> None:
    async with watching(tmp_path) as seen:
        (tmp_path / "a/b").mkdir(parents=True)
        (tmp_path / "a/b/early").write_text("1")
        await seen.change(tmp_path / "a/b/early", "add")
        (tmp_path / "a/b/late").write_text("1")
        await seen.change(tmp_path / "a/b/late", "add")


async def test_the_head_of_the_repository(tmp_path: Path) -> None:
    async with watching(tmp_path) as seen:
        (tmp_path / ".git/HEAD.lock").write_text("ref: refs/heads/other\n")
        (tmp_path / ".git/HEAD.lock").rename(tmp_path / ".git/HEAD")
        await seen.until(lambda: seen.heads == 2)


async def test_only_so_many_directories(tmp_path: Path) -> None:
    for name in ("a/b", "c"):
        (tmp_path / name).mkdir(parents=True)
    async with watching(tmp_path, limit=1) as seen:
        (tmp_path / "a/b/deep").write_text("1")
        (tmp_path / "top").write_text("1")
        await seen.change(tmp_path / "top", "add")
    assert [change.file for change in seen.changes] == [str(tmp_path / "top")]


def refusing(error: Exception, most: int) -> Callable[[list[str]], Any]:
    real = module._watch

    def watch(directories: list[str]) -> Any:
        if len(directories) > most:
            raise error
        return real(directories)

    return watch


async def test_fewer_watches_than_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / f"d{number}").mkdir()
    monkeypatch.setattr(module, "_watch", refusing(OSError("OS file watch limit reached. about"), 30))
    async with watching(tmp_path) as seen:
        (tmp_path / "top").write_text("1")
        await seen.change(tmp_path / "top", "add")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Error creating recommended watcher: Too many open files (os error 24)"), "max_user_instances"),
        (OSError("OS file watch limit reached. about"), "max_user_watches"),
        (OSError("something else"), "something else"),
        (FileNotFoundError("gone"), "too quickly"),
    ],
)
async def test_no_watches_at_all(
    error: Exception, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_watch", refusing(error, 0))
    seen = Seen()
    with pytest.raises(NotWatched, match=reason):
        await Watcher(tmp_path, tmp_path, []).run(seen.tell, seen.tell_head)


def test_many_changes_are_told_by_directory() -> None:
    few = [Change(f"/p/{number}", "add") for number in range(500)]
    assert shorten(few) == few
    assert shorten([*few, Change("/p/sub/x", "unlink")]) == [Change("/p", "change"), Change("/p/sub", "change")]
