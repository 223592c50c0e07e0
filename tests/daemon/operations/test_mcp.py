"""What sessions get of their directory's MCP servers, and what the directory's worker may store."""

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from live import LinkWorker, Live, live_daemon

from oad.contract.redact import KNOWN
from oad.contract.wire import Call
from oad.daemon import supervisor as supervising
from oad.link import Answer

OFFER = {
    "tools": [{"name": "zoo_add", "server": "zoo", "tool": "add", "description": "adds", "schema": {"type": "object"}}],
    "prompts": [],
}


async def answer(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    return Answer(msgspec.json.encode(OFFER if call.op == "mcp.offer" else {"op": call.op, **call.params}))


def serve_mcp(live: Live) -> None:
    for op in ("mcp.offer", "mcp.call", "mcp.prompt", "mcp.read"):
        live.spawner.operations[op] = answer


async def worker_of(live: Live, session: str = "ses_a") -> LinkWorker:
    await live.supervisor.ensure("session", session, "/p")
    return live.spawner.of(session)


async def call(worker: LinkWorker, op: str, body: Any = None, **params: str) -> tuple[int, Any]:
    reply, content = await worker.peer.call(op, params, b"" if body is None else msgspec.json.encode(body))
    return reply.status, msgspec.json.decode(content)


async def test_a_directory_without_servers_is_not_asked(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        serve_mcp(live)
        await live.session()
        worker = await worker_of(live)
        assert await call(worker, "mcp.offer", configured="false") == (200, {"tools": [], "prompts": []})
        assert live.supervisor.project_worker("/p") is None
        assert await call(worker, "mcp.offer", configured="true") == (200, OFFER)
        assert live.supervisor.project_worker("/p") is not None
        assert await call(worker, "mcp.offer", configured="false") == (200, {"tools": [], "prompts": []})


async def test_a_session_reaches_the_servers_of_its_own_directory_only(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        serve_mcp(live)
        await live.session()
        worker = await worker_of(live)
        assert await call(worker, "mcp.call", {}, directory="/elsewhere") == (
            200,
            {"op": "mcp.call", "directory": "/p"},
        )
        assert (await call(worker, "mcp.credential.get", key="x"))[0] == 403
        assert (await call(worker, "mcp.add", {}))[0] == 403


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"network": "off"}, "their network is on, the session's is off"),
        ({"profile": "read-only"}, "they run under the profile workspace, the session under read-only"),
    ],
)
async def test_servers_that_may_do_more_than_the_session_are_withheld(
    tmp_path: Path, wish: dict[str, str], reason: str
) -> None:
    async with live_daemon(tmp_path) as live:
        serve_mcp(live)
        session = (await live.json("session.create", {"sandbox": wish}))["id"]
        worker = await worker_of(live, session)
        expected = {"tools": [], "prompts": [], "withheld": reason}
        assert await call(worker, "mcp.offer", configured="true") == (200, expected)
        status, body = await call(worker, "mcp.call", {})
        assert (status, body["data"]["message"]) == (403, f"The project's MCP servers are withheld: {reason}")


async def test_what_servers_grant_is_stored_for_this_user_only(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.supervisor.ensure("project", "/p", "/p")
        worker = live.spawner.of("/p")
        assert await call(worker, "mcp.credential.get", key="a http://a") == (200, {})
        entry = {"type": "mcp", "access": "access-token-of-a-test-1", "refresh": "refresh-token-of-a-test-1"}
        assert await call(worker, "mcp.credential.set", entry, key="a http://a") == (200, True)
        assert await call(worker, "mcp.credential.get", key="a http://a") == (200, entry)
        file = tmp_path / "mcp-auth.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert {entry["access"], entry["refresh"]} <= set(KNOWN.texts)
        assert await call(worker, "mcp.credential.remove", key="a http://a") == (200, True)
        assert msgspec.json.decode(file.read_bytes()) == {}


async def test_what_clients_add_is_kept_for_the_next_worker(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        serve_mcp(live)
        await live.session()
        await live.supervisor.ensure("project", "/p", "/p")
        project = live.spawner.of("/p")
        assert await call(project, "mcp.added.get") == (200, [])
        added = {"name": "zoo", "config": {"type": "local", "command": ["zoo"]}}
        assert await call(project, "mcp.added.set", [added]) == (200, True)
        assert (await call(project, "mcp.added.set", [{"name": "x"}]))[0] == 400
        await live.supervisor.end_project("/p")
        session = await worker_of(live)
        assert (await call(session, "mcp.added.get"))[0] == 403
        assert await call(session, "mcp.offer", configured="false") == (200, OFFER)  # it is woken for them
        assert await call(live.spawner.of("/p"), "mcp.added.get") == (200, [added])
        await live.ask("instance.dispose")
        await live.supervisor.ensure("project", "/p", "/p")
        assert await call(live.spawner.of("/p"), "mcp.added.get") == (200, [])


async def test_a_worker_that_is_needed_is_not_put_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "_SWEEP_S", 0.02)
    async with live_daemon(tmp_path, idle_worker_s=0.1) as live:
        needed = await live.supervisor.ensure("project", "/p", "/p")
        await call(live.spawner.of("/p"), "daemon.needed", needed="true")
        other = await live.supervisor.ensure("project", "/q", "/q")
        await other.gone.wait()
        assert needed.serving
        await call(live.spawner.of("/p"), "daemon.needed", needed="false")
        await needed.gone.wait()


async def test_a_turn_keeps_its_directorys_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "_SWEEP_S", 0.02)
    async with live_daemon(tmp_path, idle_worker_s=0.1) as live, trio.open_nursery() as nursery:
        session = await live.session()
        project = await live.supervisor.ensure("project", session.directory, session.directory)
        worker, _ = await live.begin(nursery)
        other = await live.supervisor.ensure("project", "/q", "/q")
        await other.gone.wait()
        assert project.serving
        worker.finish.set()
        await project.gone.wait()
