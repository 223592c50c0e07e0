"""Disks that fill up: what is refused, what goes on, what is not lost, and that all of it heals by itself."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from .conftest import CONFIGURATION
from .model import Model
from .server import kill, open_messages, open_parts, until
from .small_disk import SmallDiskServer, needs_mount, on_small_disk

pytestmark = needs_mount

_FILLS_TMP = 'head -c 60000000 /dev/zero > "$TMPDIR/heap"; sleep 60'
_FILLS_PROJECT = "head -c 60000000 /dev/zero > heap; echo status $?"


@pytest.fixture(scope="module")
def server(model: Model) -> Iterator[SmallDiskServer]:
    """Its data and its project are on small disks; of the former 4 MB are kept free."""
    place = Path(tempfile.mkdtemp(prefix="oad-e2e-"))
    home, project = place / "server", place / "project"
    home.mkdir()
    project.mkdir()
    server = SmallDiskServer(home, project, environment={"OAD_STORAGE_MIN_FREE_MB": "4"})
    try:
        trio.run(server.start)
        configuration = json.dumps(model.configuration(**CONFIGURATION))
        (server.project_disk.path / "opencode.json").write_text(configuration)
        yield server
    finally:
        print(server.logged())
        server.discard()
        shutil.rmtree(place, ignore_errors=True)


def command(line: str) -> list[dict[str, Any]]:
    return [{"tools": [{"name": "bash", "args": {"command": line, "description": "x"}}]}, {"text": "And so it was."}]


async def ready(server: SmallDiskServer) -> bool:
    async with server.client() as client:
        return (await client.get("/readyz")).status_code == 200


async def test_a_full_disk_refuses_what_must_be_stored_and_heals(server: SmallDiskServer, model: Model) -> None:
    model.register(slow=[{"text": "word " * 400, "chunks": 400, "delay": 0.05}])
    known, running = await server.create(), await server.create()
    await server.prompt(known, "hello")
    async with server.events() as events:
        await server.prompt_async(running, "script:slow")
        await events.until(lambda e: e["type"] == "message.part.delta" and e["properties"]["sessionID"] == running)
        server.disk.fill()
        refused = await server.ask("POST", "/session", {}, status=507)
        assert refused["name"] == "StorageError"
        assert "Remedy: free space" in refused["data"]["message"]
        error = await events.until(lambda e: e["type"] == "session.error" and e["properties"]["sessionID"] == running)
        assert error["properties"]["error"]["name"] == "StorageError"
        assert len(await server.messages(known)) == 2, "reads go on"
        for method, path, body in (
            ("POST", f"/session/{known}/message", {"parts": [{"type": "text", "text": "more"}]}),
            ("PATCH", f"/session/{known}", {"title": "x"}),
            ("PUT", "/auth/some", {"type": "api", "key": "key-0123456789"}),
        ):
            assert (await server.ask(method, path, body, status=507))["data"]["reason"] == "full"
        async with server.client() as client:
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["data"]["reason"]) == (503, "full")
            assert "oad_storage_writable 0.0" in (await client.get("/metrics")).text
        assert await server.ask("POST", f"/session/{known}/abort") is True
        log = server.inside(server.data / "log" / "oad.log")
        server.disk.empty()
        await until(lambda: ready(server), "it takes prompts again")
        created = await server.create()
        await events.until(lambda e: e["type"] == "session.created" and e["properties"]["info"]["id"] == created)
        assert log.read_text().count("the journal can't be written") <= 2
    history = await server.ask("POST", "/sync/history", {})
    ids = [event["id"] for event in history]
    assert len(ids) == len(set(ids))
    for session in (known, running):
        numbers = [event["seq"] for event in history if event["aggregate_id"] == session]
        assert numbers == sorted(numbers)
    messages = await server.messages(running)
    assert messages[-1]["info"]["error"]["name"] == "StorageError"
    assert open_messages(messages) == open_parts(messages) == []
    assert messages[-1]["parts"][-1]["text"].startswith("word word"), "what had been said by then is kept"
    assert (await server.prompt(running, "go on"))["info"]["sessionID"] == running


async def test_room_can_be_made_on_a_full_disk(server: SmallDiskServer, model: Model) -> None:
    """By a deletion, for which the ballast goes; and when that has gone too, by what needs no writing."""
    ballast = server.disk.path / "ballast"
    await until(lambda: ballast.exists() and ballast.stat().st_size == 8 << 20, "the ballast is laid")
    model.register(long=[{"text": "many words " * 100_000, "chunks": 4}])
    session = await server.create()
    await server.prompt(session, "script:long")
    server.disk.fill()
    assert (await server.ask("POST", "/session", {}, status=507))["data"]["reason"] == "full"
    assert await server.ask("DELETE", f"/session/{session}") is True
    await server.ask("GET", f"/session/{session}", status=404)
    assert not ballast.exists()
    assert await server.create(), "what was refused is possible again"

    spare = server.disk.path / "log" / "oad.log.9"
    spare.write_bytes(bytes(2 << 20))
    server.disk.fill()
    assert (await server.ask("POST", "/session", {}, status=507))["data"]["reason"] == "full"
    dry = await server.ask("POST", "/storage/sweep?dryRun=true")
    assert [each["bytes"] for each in dry["removed"] if each["kind"] == "logs"] == [2 << 20]
    report = await server.ask("POST", "/storage/sweep")
    assert [each["bytes"] for each in report["removed"] if each["kind"] == "logs"] == [2 << 20]
    assert report["left"] == []
    assert await server.create()
    server.disk.empty()
    await until(lambda: ready(server), "it takes prompts again")
    await until(ballast.exists, "the ballast is laid again")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount in the server's place")
async def test_a_read_only_disk_is_told_and_waited_for(server: SmallDiskServer) -> None:
    session, key = await server.create(), {"type": "api", "key": "key-0123456789"}
    server.disk.protect()
    refused = await server.ask("PUT", "/auth/some", key, status=507)
    assert refused["data"]["reason"] == "readonly"
    assert "make it writable again" in refused["data"]["message"]
    daemon = server.one("oad-daemon")
    kill(daemon)  # the next one can't open anything for writing

    async def waits() -> bool:
        return "waiting until the disk can be written" in server.logged()

    await until(waits, "it says what it waits for")
    assert not await ready(server)
    (waiting,) = server.named("oad-daemon")
    server.disk.release()
    await until(lambda: ready(server), "it takes prompts again", timeout_s=40)
    assert server.one("oad-daemon").pid == waiting.pid, "it was not started in vain"
    assert (await server.ask("GET", f"/session/{session}"))["id"] == session
    assert await server.ask("PUT", "/auth/some", key) is True
    assert await server.create()


_SWEPT = """
import contextlib, sys
from pathlib import Path
from oad.contract.policy import Policy, StoragePolicy
from oad.daemon.ballast import Ballast
from oad.daemon.event_log import EventLimits
from oad.daemon.offline_sweep import sweep_alone
from oad.daemon.projection import Recorded
from oad.daemon.store import Store

data = Path(sys.argv[1])
store = Store(data / "oad.db")
for number in range(1, 41):
    event = Recorded(number, f"evt_{number}", "x", "/p", "global", "ses_a", number, b'"%b"' % (b"x" * 50_000))
    store.commit([event], full=False)
store.close()
Ballast(data).lay(2)
with (data / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
    while file.write(bytes(4096)):
        pass
policy = Policy(storage=StoragePolicy(events=10, ballast_mb=2))
before = (data / "oad.db").stat().st_size
report = sweep_alone(data, policy, None, dry=False)
print({each.kind: each.items for each in report.removed}["events"])
print((data / "oad.db").stat().st_size < before / 2)
"""


def test_room_can_be_made_without_a_server(tmp_path: Path) -> None:
    assert on_small_disk(tmp_path / "disk", 8, _SWEPT).split() == ["30", "True"]


async def test_a_session_that_fills_its_tmp_ends_alone(server: SmallDiskServer, model: Model) -> None:
    model.register(heap=command(_FILLS_TMP), patient=command("sleep 4; echo done"))
    greedy, neighbour = await server.create(), await server.create()
    await server.prompt_async(neighbour, "script:patient")
    await server.prompt_async(greedy, "script:heap")

    async def ended() -> bool:
        messages = await server.messages(greedy)
        return len(messages) > 1 and "error" in messages[-1]["info"]

    await until(ended, "the greedy turn has ended", timeout_s=40)
    error = (await server.messages(greedy))[-1]["info"]["error"]
    assert error["name"] == "StorageError"
    assert "temporary files" in error["data"]["message"]
    await until(lambda: ready(server), "it takes prompts again", timeout_s=40)

    async def answered() -> bool:
        return "And so it was." in json.dumps(await server.messages(neighbour))

    await until(answered, "the neighbour goes on", timeout_s=40)
    assert (await server.prompt(greedy, "hello"))["info"]["sessionID"] == greedy


async def test_a_full_project_is_the_models_own_concern(server: SmallDiskServer, model: Model) -> None:
    write = {"tools": [{"name": "write", "args": {"filePath": str(server.project / "new"), "content": "x" * 9000}}]}
    model.register(project=[command(_FILLS_PROJECT)[0], write, {"text": "There was no room."}])
    session = await server.create()
    answer = await server.prompt(session, "script:project")
    assert "error" not in answer["info"]
    states = [part["state"] for message in await server.messages(session) for part in message["parts"]
              if part["type"] == "tool"]  # fmt: skip
    assert "No space left on device" in states[0]["output"]
    assert "o space left" in states[1]["error"]
    assert await ready(server)
