"""A server that must record what it does, on a disk that takes nothing more: it does nothing, and says why."""

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from .model import Model
from .server import Json, Server, until

NAME = "AuditUnavailableError"


@pytest.fixture
def small(make_server: Callable[..., Server], place: Path) -> Server:
    """A server with an audit log on a file system of its own, a small one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    directory = shlex.quote(str(place / "server/data/audit"))
    script = f'mkdir -m 700 -p {directory} && mount -t tmpfs -o size=256k,mode=700 none {directory} && exec "$@"'
    return make_server(launcher=["unshare", "--mount", "sh", "-c", script, "sh"])


@pytest.fixture
async def recorder(small: Server, place: Path) -> Server:
    settings = place / "oad.toml"
    settings.write_text("[audit]\nrequired = true\n")
    await small.start("--config", str(settings))
    return small


def inside(server: Server, path: Path) -> Path:
    """As the server sees it."""
    return Path(f"/proc/{server.pid}/root{path}")


async def exhaust(server: Server) -> Path:
    """The page that the log ends in has room for a few lines yet."""
    filler = await trio.to_thread.run_sync(fill, server)
    log = inside(server, server.data / "audit/audit.jsonl")
    size = -1
    while log.stat().st_size > size:
        size = log.stat().st_size
        async with server.client() as client:
            await client.post("/session", json={"title": "one more"})
    return filler


def fill(server: Server) -> Path:
    filler = inside(server, server.data / "audit/filler")
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


async def test_a_full_disk_stops_everything_that_must_be_recorded(recorder: Server, place: Path) -> None:
    session = await recorder.create()
    shell: Json = {"agent": "build", "command": f"echo x > {place}/project/made"}
    await recorder.ask("POST", f"/session/{session}/shell", shell)
    (place / "project/made").unlink()
    filler = await exhaust(recorder)
    for method, path, body in (
        ("POST", "/session", {}),
        ("POST", f"/session/{session}/shell", shell),
        ("POST", f"/session/{session}/message", {"parts": [{"type": "text", "text": "run echo x > made"}]}),
        ("PATCH", f"/session/{session}", {"title": "other"}),
        ("DELETE", f"/session/{session}", None),
    ):
        refusal = await recorder.ask(method, path, body, status=503)
        assert refusal["name"] == NAME
        assert "The audit log can't be written" in refusal["data"]["message"]
    assert not (place / "project/made").exists()
    assert (await recorder.ask("GET", f"/session/{session}"))["title"] != "other"  # looking is not recorded
    filler.unlink()
    await recorder.ask("POST", f"/session/{session}/shell", shell)
    assert (place / "project/made").exists()


async def test_a_program_of_a_running_turn_is_not_started_unrecorded(
    recorder: Server, place: Path, model: Model
) -> None:
    """The prompt itself was recorded; the disk is full when the model comes to its second command."""
    (place / "project/opencode.json").write_text(json.dumps(model.configuration()))
    session = await recorder.create()
    waits, writes = "until [ -e go ]; do sleep 0.02; done", "echo x > made"
    calls = [{"tools": [{"name": "bash", "args": {"command": command}}]} for command in (waits, writes)]
    model.register(unrecorded=[*calls, {"text": "I see."}])
    await recorder.prompt_async(session, "script:unrecorded")

    async def states() -> list[Json]:
        parts = [part for message in await recorder.messages(session) for part in message["parts"]]
        return [part["state"] for part in parts if part["type"] == "tool"]

    async def runs() -> bool:
        return any(state["status"] == "running" for state in await states())

    await until(runs, "the command runs")
    filler = await exhaust(recorder)
    (place / "project/go").write_text("")
    await until(lambda: _is_idle(recorder, session), "the turn ends")
    first, second = await states()
    assert (first["status"], second["status"]) == ("completed", "error")
    assert "The audit log can't be written" in second["error"]
    assert not (place / "project/made").exists()
    filler.unlink()
    shell: Json = {"agent": "build", "command": "echo x > made"}
    await recorder.ask("POST", f"/session/{session}/shell", shell)
    assert (place / "project/made").exists()


async def _is_idle(server: Server, session: str) -> bool:
    return session not in await server.statuses()


async def test_without_required_the_loss_is_told_when_that_is_possible_again(small: Server) -> None:
    await small.start()
    filler = await exhaust(small)
    await small.create(title="unrecorded")
    filler.unlink()
    await small.create(title="recorded")
    assert '"audit.lost"' in inside(small, small.data / "audit/audit.jsonl").read_text()
    assert "the audit log can't be written" in small.logged()
