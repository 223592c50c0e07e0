"""Copies of a project, which are worktrees."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from live import Live, live_daemon
from worktree_place import Place, failure

from oad.contract.errors import ApiError
from oad.contract.wire import Call
from oad.daemon.operations.copies import STRATEGY
from oad.link import Answer


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    repository = tmp_path / "repository"
    (repository / ".git/objects").mkdir(parents=True)
    (repository / ".git/HEAD").touch()
    return repository


class Copies(Place):
    def __init__(self, live: Live, repository: Path) -> None:
        super().__init__(live, repository)
        self.state = {"changed": False, "unmerged": False}
        live.spawner.operations["worktree.inspect"] = self._inspect

    async def _inspect(self, worker: object, call: Call, body: bytes) -> Answer:
        return Answer(json.dumps(self.state).encode())

    async def ask(self, op: str, body: Any = None, id: str = "abc", directory: str = "") -> Any:
        params = {"directory": directory or str(self.repository), "projectID": id}
        answer = await self.live.ask(op, body, **params)
        return json.loads(answer.body)

    async def create(self, **fields: Any) -> str:
        body = {"strategy": STRATEGY, "directory": "/wherever", "name": "blue button", **fields}
        return str((await self.ask("v2.projectCopy.create", body))["directory"])

    async def refused_copy(self, op: str, body: Any, **named: str) -> dict[str, Any]:
        with pytest.raises(ApiError) as caught:
            await self.ask(f"v2.projectCopy.{op}", body, **named)
        assert (caught.value.status, caught.value.body["name"]) == (400, "ProjectCopyError")
        data: dict[str, Any] = caught.value.body["data"]
        return data


async def test_made_with_its_files_below_oads_own_root(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        copies = Copies(live, repository)
        made = await copies.create()
        assert Path(made).name == "blue-button"
        assert str(live.settings.worktrees) in made
        assert copies.operations()[-1] == "worktree.fill", "before it is answered"
        listed = await copies.ask("project.directories")
        assert listed == [{"directory": str(repository)}, {"directory": made, "strategy": STRATEGY}]


async def test_what_can_not_be_filled_is_removed_again(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        copies = Copies(live, repository)
        copies.failing["worktree.fill"] = failure("no room")
        body = {"strategy": STRATEGY, "directory": "/wherever"}
        assert (await copies.refused_copy("create", body))["message"] == "no room"
        assert copies.sandboxes() == []


async def test_removed_without_force_only_if_nothing_is_lost(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        copies = Copies(live, repository)
        made = await copies.create()
        for lost in ("changed", "unmerged"):
            copies.state = {"changed": False, "unmerged": False, lost: True}
            refusal = await copies.refused_copy("remove", {"directory": made, "force": False})
            assert refusal["forceRequired"] is True
        assert copies.sandboxes() == [made]
        await copies.ask("v2.projectCopy.remove", {"directory": made, "force": True})
        assert copies.sandboxes() == []
        made = await copies.create()
        copies.state = {"changed": False, "unmerged": False}
        await copies.ask(
            "v2.projectCopy.remove", {"directory": made, "force": False}, directory=f"{tmp_path}/elsewhere"
        )
        assert copies.sandboxes() == []


async def test_refusals(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        copies = Copies(live, repository)
        await copies.refused_copy("create", {"strategy": "tarball", "directory": "/wherever"})
        body = {"strategy": STRATEGY, "directory": "/wherever"}
        assert "not found" in (await copies.refused_copy("create", body, id="unknown"))["message"]
        victim = tmp_path / "victim"
        victim.mkdir()
        for place in (victim, repository):
            await copies.refused_copy("remove", {"directory": str(place), "force": True})
        assert "victim" in os.listdir(tmp_path)


async def test_refreshed_by_what_is_there(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        copies = Copies(live, repository)
        made, gone = await copies.create(name="a"), await copies.create(name="b")
        os.rmdir(gone)
        await copies.ask("v2.projectCopy.refresh")
        assert copies.sandboxes() == [made]


async def test_names_tell_of_the_task(tmp_path: Path, repository: Path) -> None:
    async with live_daemon(tmp_path) as live:
        copies = Copies(live, repository)
        op = "experimental.projectCopy.generateName"
        assert await copies.ask(op, {"context": "Make a blue button, please!"}) == {"name": "make-blue-button"}
        assert (await copies.ask(op, {}))["name"].count("-") == 1
        assert (await copies.ask(op, {"context": "…"}))["name"].count("-") == 1
