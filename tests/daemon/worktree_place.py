"""A repository as far as the daemon looks at it, and workers that answer for git."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from live import LinkWorker, Live, nothing

from oad.contract.errors import ApiError
from oad.contract.wire import Call
from oad.link import Answer

OPERATIONS = ("survey", "add", "fill", "start", "restore", "forget")


class Place:
    """``asked``: what workers were asked, with the body and the places that they may write to."""

    def __init__(self, live: Live, repository: Path) -> None:
        self.live = live
        self.repository = repository
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []
        self.failing: dict[str, ApiError] = {}
        self.stuck: set[str] = set()
        for name in OPERATIONS:
            live.spawner.operations[f"worktree.{name}"] = self._answer
        live.spawner.operations["project.resolve"] = self._resolve

    async def _resolve(self, worker: LinkWorker, call: Call, body: bytes) -> Answer:
        await trio.lowlevel.checkpoint()
        if (self.repository.parent / "elsewhere") == Path(call.params["directory"]):
            return Answer(b'{"id": "global", "worktree": "/", "path": ""}')
        return Answer(json.dumps({"id": "abc", "worktree": str(self.repository), "path": "", "vcs": "git"}).encode())

    async def _answer(self, worker: LinkWorker, call: Call, body: bytes) -> Answer:
        self.asked.append((call.op, body.decode(), worker.spec.confinement.writable))
        if call.op in self.stuck:
            await trio.sleep_forever()
        if call.op in self.failing:
            raise self.failing[call.op]
        if call.op == "worktree.survey":
            return Answer(b'{"commands":[],"branches":["opencode/taken"]}')
        return await nothing(worker, call, body)

    def operations(self) -> list[str]:
        return [op for op, _, _ in self.asked]

    async def call(self, op: str, body: Any = None) -> Any:
        return await self.live.json(f"worktree.{op}", body, directory=str(self.repository))

    async def refused(self, op: str, body: Any = None) -> tuple[str, str]:
        with pytest.raises(ApiError) as caught:
            await self.call(op, body)
        assert caught.value.status == 400
        return caught.value.body["name"], caught.value.body["data"]["message"]

    def sandboxes(self) -> list[str]:
        stored = self.live.store.project("abc")
        assert stored is not None
        found: list[str] = json.loads(stored)["sandboxes"]
        return found


def failure(message: str) -> ApiError:
    return ApiError(400, {"name": "WorktreeCreateFailedError", "data": {"message": message}})
