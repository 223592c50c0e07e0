"""Servers of a directory with the fake language server, and what they told."""

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from oad.contract.policy import ShellPolicy
from oad.workers.config import project as project_module
from oad.workers.config.project import load
from oad.workers.config.settings import Config
from oad.workers.lsp.choice import LanguageChoice
from oad.workers.lsp.server import World
from oad.workers.lsp.servers import LanguageServers
from oad.workers.tools.environment import command_environment

from ..project.local_exec import LocalExec

FAKE = str(Path(__file__).with_name("fake_server.py"))


def fake(mode: str = "", extension: str = ".own") -> dict[str, Any]:
    return {"command": [sys.executable, FAKE, mode], "extensions": [extension]}


class Scene:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.lsp: Any = {"own": fake()}
        self.exec = LocalExec()
        self.updates = 0
        self.changed = trio.Event()
        world = World(self.exec, command_environment(), self._updated)
        self.servers = LanguageServers(str(root), world, self._choose)

    def _choose(self) -> LanguageChoice:
        setup = load(str(self.root))
        config = msgspec.structs.replace(setup.config, lsp=msgspec.convert({"lsp": self.lsp}, Config).lsp)
        setup = msgspec.structs.replace(setup, config=config)
        return LanguageChoice(setup, path=command_environment()["PATH"], shell=ShellPolicy())

    async def _updated(self) -> None:
        self.updates += 1
        self.changed.set()
        self.changed = trio.Event()
        await trio.lowlevel.checkpoint()

    def write(self, name: str, text: str) -> str:
        (self.root / name).write_text(text)
        return str(self.root / name)

    def states(self) -> dict[str, str]:
        return {status.id: status.status for status in self.servers.status()}

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(10):
            while not condition():
                await self.changed.wait()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Scene"]:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.servers.run)
            yield self
            nursery.cancel_scope.cancel()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "proj").mkdir()
    project_module._cache.clear()
    return Scene(tmp_path / "proj")
