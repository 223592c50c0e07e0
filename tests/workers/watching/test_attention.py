import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from oad.contract.errors import bad_request
from oad.workers.config.project import ProjectSetup, load
from oad.workers.watching.attention import Attention


class Listened:
    """The daemon's side: who listens is said by ``set``."""

    def __init__(self) -> None:
        self.heard = False
        self.events: list[tuple[str, Any, bool]] = []
        self._changed = trio.Event()

    def set(self, heard: bool) -> None:
        self.heard = heard
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        assert op == "daemon.listening"
        await self.until(lambda: self.heard is not (params["heard"] == "true"))
        return b"true" if self.heard else b"false"

    async def publish(self, type: str, properties: Any, *, durable: bool = True) -> None:
        self.events.append((type, msgspec.to_builtins(properties), durable))
        self._notify()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()


def change(path: Path) -> None:
    path.write_text(str(trio.current_time()))


async def stirred(link: Listened, path: Path) -> None:
    """Once a change of the file is seen. It may take some, since watching begins in between."""
    with trio.fail_after(10):
        while not any(properties.get("file") == str(path) for _, properties, _ in link.events):
            change(path)
            with trio.move_on_after(0.3):
                await link.until(lambda: any(each[1].get("file") == str(path) for each in link.events))


def broken() -> ProjectSetup:
    raise bad_request("broken")


@pytest.mark.parametrize("setup", [None, broken])
async def test_only_while_somebody_listens(setup: Callable[[], ProjectSetup] | None, tmp_path: Path) -> None:
    link = Listened()
    attention = Attention(str(tmp_path), link, setup or (lambda: load(str(tmp_path))), linger_s=0.01)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(attention.run)
        (tmp_path / "unheard").write_text("1")
        link.set(True)
        await stirred(link, tmp_path / "first")
        link.set(False)
        await trio.testing.wait_all_tasks_blocked(0.1)
        (tmp_path / "late").write_text("1")
        link.set(True)
        await stirred(link, tmp_path / "second")
        nursery.cancel_scope.cancel()
    files = {Path(properties["file"]).name for _, properties, _ in link.events}
    assert files == {"first", "second"}
    assert {durable for _, _, durable in link.events} == {False}


async def test_a_short_silence_interrupts_nothing(tmp_path: Path) -> None:
    link = Listened()
    attention = Attention(str(tmp_path), link, lambda: load(str(tmp_path)), linger_s=60)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(attention.run)
        link.set(True)
        await stirred(link, tmp_path / "a")
        link.set(False)
        await trio.testing.wait_all_tasks_blocked()
        (tmp_path / "meanwhile").write_text("1")
        link.set(True)
        with trio.fail_after(10):
            await link.until(lambda: any(each[1]["file"] == str(tmp_path / "meanwhile") for each in link.events))
        nursery.cancel_scope.cancel()


async def test_branches(tmp_path: Path) -> None:
    link = Listened()

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "root")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Attention(str(tmp_path), link, lambda: load(str(tmp_path))).run)
        link.set(True)
        await stirred(link, tmp_path / "a")
        for arguments, expected in ((("-b", "other"), {"branch": "other"}), (("--detach",), {})):
            git("checkout", "-q", *arguments)
            with trio.fail_after(10):
                await link.until(lambda: ("vcs.branch.updated", expected, True) in link.events)  # noqa: B023
        nursery.cancel_scope.cancel()


async def test_not_the_whole_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    link = Listened()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Attention(str(tmp_path), link, lambda: load(str(tmp_path))).run)
        link.set(True)
        await trio.testing.wait_all_tasks_blocked(0.05)
        (tmp_path / "x").write_text("1")
        await trio.testing.wait_all_tasks_blocked(0.3)
        nursery.cancel_scope.cancel()
    assert link.events == []
