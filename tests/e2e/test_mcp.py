"""MCP servers of a real service: one written with the SDK, and such as misbehave, in the sandbox and at their end."""

import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from .marks import alive
from .mcp_entrance import add_server, configuration, read
from .model import Model
from .server import Json, Server, kill, until

SDK_SERVER = Path(__file__).with_name("mcp_sdk_server.py")
_numbers = itertools.count(1)
CONNECTED = {"status": "connected"}


async def step(server: Server, model: Model, tool: str, arguments: Json, **fields: Json) -> Json:
    """The state in which the call of a tool ends, made by the model in a session of its own."""
    name = f"mcp-{next(_numbers)}"
    model.register(**{name: [{"tools": [{"name": tool, "args": arguments}]}, {"text": "done"}]})
    session = await server.create(**fields)
    await server.prompt(session, f"script:{name}")
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    (found,) = [part for part in parts if part["type"] == "tool"]
    return found["state"]


async def add_sdk_server(server: Server) -> None:
    config = {"type": "local", "command": [sys.executable, str(SDK_SERVER)]}
    answer = await server.ask("POST", "/mcp", {"name": "sdk", "config": config})
    assert answer["sdk"] == CONNECTED


@pytest.fixture(scope="module")
def scratch(shared: Server) -> Path:
    return shared.project


async def test_a_server_written_with_the_sdk(shared: Server, model: Model) -> None:
    await add_sdk_server(shared)
    state = await step(shared, model, "sdk_add", {"a": 2, "b": 3})
    assert (state["status"], state["output"]) == ("completed", "5")
    state = await step(shared, model, "sdk_draw", {})
    assert state["attachments"][0]["url"].startswith("data:image/png;base64,")
    state = await step(shared, model, "sdk_fail", {})
    assert state["status"] == "error"
    assert "Error executing tool fail" in state["error"]  # all that the SDK tells of a failure
    state = await step(shared, model, "sdk_add", {"a": "no number", "b": 3})
    assert state["status"] == "error"
    commands = {each["name"]: each for each in await shared.ask("GET", "/command")}
    assert commands["sdk:review"]["template"] == "Please review $1 with care."
    resources = await shared.ask("GET", "/experimental/resource")
    assert resources["sdk:notes://today"]["mimeType"] == "text/plain"


async def test_prompts_and_resources_reach_the_model(shared: Server, model: Model) -> None:
    await add_sdk_server(shared)
    model.reset()
    session = await shared.create()
    await shared.ask("POST", f"/session/{session}/command", {"command": "sdk:review", "arguments": '"the plan"'})
    source = {"type": "resource", "clientName": "sdk", "uri": "notes://today"}
    source["text"] = {"value": "@today", "start": 0, "end": 6}  # type: ignore[assignment]
    file = {"type": "file", "mime": "text/plain", "url": "notes://today", "filename": "today", "source": source}
    await shared.ask("POST", f"/session/{session}/message", {"parts": [file, {"type": "text", "text": "what now?"}]})
    seen = json.dumps(model.requests())
    assert "Please review the plan with care." in seen
    assert "Water the plants." in seen


async def test_an_abort_reaches_the_server(shared: Server, model: Model) -> None:
    await add_sdk_server(shared)
    file = shared.project / "waited"
    model.register(waiting=[{"tools": [{"name": "sdk_wait", "args": {"file": str(file)}}]}, {"text": "done"}])
    session = await shared.create()
    await shared.prompt_async(session, "script:waiting")
    await until(lambda: file.exists() and file.read_text() == "begun", "the tool runs")
    began = time.monotonic()
    assert await shared.ask("POST", f"/session/{session}/abort") is True
    assert time.monotonic() - began < 1.5
    await until(lambda: file.read_text() == "cancelled", "the server has heard of it")
    assert (await step(shared, model, "sdk_add", {"a": 1, "b": 1}))["output"] == "2"


async def test_permissions_hold(shared: Server, model: Model) -> None:
    await add_sdk_server(shared)
    rule = {"permission": "sdk_add", "pattern": "*", "action": "ask"}
    name = "mcp-asks"
    model.register(**{name: [{"tools": [{"name": "sdk_add", "args": {"a": 1, "b": 1}}]}, {"text": "done"}]})
    session = await shared.create(permission=[rule])
    await shared.prompt_async(session, f"script:{name}")
    asked: list[Json] = []

    async def is_asked() -> bool:
        asked[:] = await shared.ask("GET", "/permission")
        return bool(asked)

    await until(is_asked, "somebody is asked")
    assert (asked[0]["permission"], asked[0]["patterns"]) == ("sdk_add", ["*"])
    await shared.ask("POST", f"/permission/{asked[0]['id']}/reply", {"reply": "reject"})
    await until(lambda: _idle(shared, session), "the turn is over")
    parts = [part for message in await shared.messages(session) for part in message["parts"]]
    assert [part["state"]["status"] for part in parts if part["type"] == "tool"] == ["error"]


async def _idle(server: Server, session: str) -> bool:
    return session not in await server.statuses()


async def test_narrower_sessions_get_none(shared: Server, model: Model) -> None:
    await add_sdk_server(shared)
    state = await step(shared, model, "sdk_add", {"a": 1, "b": 1}, sandbox={"profile": "read-only"})
    assert state["status"] != "completed" or state["output"] != "2"
    assert "unavailable tool 'sdk_add'" in str(state)


async def test_a_local_server_sees_what_commands_see(shared: Server, model: Model) -> None:
    assert await add_server(shared) == CONNECTED
    state = await step(shared, model, "zoo_run", {"command": f"ls -A {shared.data}; touch /usr/x; touch here; exit 4"})
    printed, status = read(state["output"])
    assert status == 4
    assert "Read-only file system" in printed
    assert "auth.json" not in printed and "oad.db" not in printed
    assert (shared.project / "here").exists()


async def test_streamable_http(shared: Server, model: Model) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(SDK_SERVER), str(port)], stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        await until(lambda: _listens(port), "the server listens")
        config = {"type": "remote", "url": f"http://127.0.0.1:{port}/mcp"}
        answer = await shared.ask("POST", "/mcp", {"name": "web", "config": config})
        assert answer["web"] == CONNECTED
        assert (await step(shared, model, "web_add", {"a": 4, "b": 5}))["output"] == "9"
    finally:
        process.kill()
        process.wait()
        await shared.ask("POST", "/mcp/web/disconnect")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- manners ----------------------------------------------------------------------------------------------------------


async def test_bad_servers_cost_nobody_else_anything(shared: Server, model: Model) -> None:
    began = time.monotonic()
    for manner in ("exits", "babbles", "endless"):
        assert (await add_server(shared, manner, manner))["status"] == "failed"
    hanging = configuration("hangs") | {"timeout": 1000}
    answer = await shared.ask("POST", "/mcp", {"name": "hangs", "config": hanging})
    assert answer["hangs"] == {"status": "failed", "error": "it did not answer within 1 s"}
    assert time.monotonic() - began < 20
    assert await add_server(shared) == CONNECTED
    state = await step(shared, model, "zoo_crash", {})
    assert state["status"] == "error"
    assert "it ended with exit code 7: I am about to crash" in state["error"]
    assert await shared.ask("GET", "/file?path=") is not None

    async def is_back() -> bool:
        return bool((await shared.ask("GET", "/mcp"))["zoo"] == CONNECTED)

    await until(is_back, "it is started again")


@pytest.fixture
def hurt_server(model: Model, place: Path) -> Iterator[Server]:
    home, project = place / "server", place / "project"
    home.mkdir()
    project.mkdir()
    (project / "opencode.json").write_text(json.dumps(model.configuration()))
    server = Server(home, project)
    yield server
    server.discard()
    print(server.logged())


async def dispose(server: Server) -> None:
    await server.ask("POST", "/instance/dispose")


async def shoot_worker(server: Server) -> None:
    kill(server.one("oad-session", str(server.project), "worker"))


async def shoot_daemon(server: Server) -> None:
    kill(server.one("oad-daemon"))


async def shoot_everything(server: Server) -> None:
    await server.kill_everything()


async def stop(server: Server) -> None:
    assert await server.stop() == 0


async def disconnect(server: Server) -> None:
    for name in ("good", "deaf"):
        await server.ask("POST", f"/mcp/{name}/disconnect")


ENDINGS: list[Callable[[Server], Awaitable[None]]] = [
    dispose, shoot_worker, shoot_daemon, shoot_everything, stop, disconnect
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
async def test_no_server_survives(hurt_server: Server, ending: Callable[[Server], Awaitable[None]]) -> None:
    mark = f"8655{ENDINGS.index(ending):04d}"
    await hurt_server.start()
    for manner in ("good", "deaf"):
        assert await add_server(hurt_server, manner, manner, mark) == CONNECTED
    await add_server(hurt_server, "forks", "forks", mark)  # is gone as soon as its parent is
    await until(lambda: len(alive(mark)) >= 2, "they run")
    await ending(hurt_server)
    await until(lambda: alive(mark) == [], "all are gone", timeout_s=5)
