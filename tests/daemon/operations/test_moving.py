"""Sessions that go on elsewhere in their project."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from live import LinkWorker, Live, live_daemon

from oad.contract.errors import ApiError, named
from oad.contract.wire import Call
from oad.daemon.operations.moving import MOVING
from oad.link import Answer

OP = "experimental.controlPlane.moveSession"


class Place:
    """Two directories of one project and one of another; ``asked`` is what their workers did with changes."""

    def __init__(self, live: Live, path: Path) -> None:
        self.live = live
        self.here, self.there, self.elsewhere = (path / name for name in ("here", "there", "elsewhere"))
        for directory in (self.here, self.there, self.elsewhere):
            directory.mkdir()
        self.asked: list[tuple[str, str]] = []
        self.failing: set[tuple[str, str]] = set()
        self.patch = b"patch"
        live.spawner.operations["project.resolve"] = self._resolve
        for op in ("capture", "put", "take"):
            live.spawner.operations[f"changes.{op}"] = self._change

    async def _resolve(self, worker: LinkWorker, call: Call, body: bytes) -> Answer:
        await trio.lowlevel.checkpoint()
        id = "other" if call.params["directory"] == str(self.elsewhere) else "abc"
        return Answer(json.dumps({"id": id, "worktree": str(self.here), "path": "", "vcs": "git"}).encode())

    async def _change(self, worker: LinkWorker, call: Call, body: bytes) -> Answer:
        await trio.lowlevel.checkpoint()
        step = (call.op.removeprefix("changes."), Path(worker.spec.directory).name)
        self.asked.append(step)
        if step in self.failing:
            raise named(400, "VcsApplyError", message="it does not fit", reason="not-clean")
        return Answer(self.patch if call.op == "changes.capture" else b"true")

    async def move(self, directory: Path | str, **fields: Any) -> Answer:
        return await self.live.ask(OP, {"sessionID": "ses_a", "destination": {"directory": str(directory)}, **fields})

    async def refused(self, directory: Path | str, **fields: Any) -> str:
        with pytest.raises(ApiError) as caught:
            await self.move(directory, **fields)
        assert (caught.value.status, caught.value.body["name"]) == (400, "MoveSessionError")
        return str(caught.value.body["data"]["message"])


async def begin(live: Live, path: Path) -> Place:
    place = Place(live, path)
    await live.session(directory=str(place.here), project_id="abc")
    return place


async def test_moved_with_its_worker(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = await begin(live, tmp_path)
        worker = await live.supervisor.ensure("session", "ses_a", str(place.here))
        await place.move(place.there)
        assert live.sessions.find("ses_a").directory == str(place.there)
        told = [event.directory for event in live.published if event.type == "session.updated"]
        assert set(told) == {str(place.here), str(place.there)}
        fresh = await live.supervisor.ensure("session", "ses_a", str(place.there))
        assert fresh is not worker
        assert fresh.spec.directory == str(place.there)
        assert place.asked == []


async def test_changes_are_put_there_before_they_are_taken_here(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = await begin(live, tmp_path)
        await place.move(place.there, moveChanges=True)
        assert place.asked == [("capture", "here"), ("put", "there"), ("take", "here")]


async def test_without_changes_nothing_is_put(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = await begin(live, tmp_path)
        place.patch = b""
        await place.move(place.there, moveChanges=True)
        assert place.asked == [("capture", "here")]


async def test_what_does_not_fit_stays_where_it_is(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = await begin(live, tmp_path)
        place.failing = {("put", "there")}
        assert "it does not fit" in await place.refused(place.there, moveChanges=True)
        assert place.asked[-1] == ("put", "there")
        place.failing = {("take", "here")}
        assert "can't be taken" in await place.refused(place.there, moveChanges=True)
        assert place.asked[-2:] == [("take", "here"), ("take", "there")]
        assert live.sessions.find("ses_a").directory == str(place.here)


async def test_refusals(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        place = await begin(live, tmp_path)
        assert "another project" in await place.refused(place.elsewhere)
        assert "no such directory" in await place.refused(tmp_path / "nothing")
        assert "no such directory" in await place.refused("there")
        live.put("session.status", {"sessionID": "ses_a", "status": {"type": "busy"}})
        assert "busy" in await place.refused(place.there)
        with pytest.raises(ApiError, match="Session not found"):
            await live.ask(OP, {"sessionID": "ses_b", "destination": {"directory": str(place.there)}})
    assert set(MOVING) == {OP}
