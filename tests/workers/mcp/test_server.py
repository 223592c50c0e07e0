"""One server's life, with programs that behave in all ways they can."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from oad.contract.mcp import (
    McpConfig,
    McpLocal,
    McpRemote,
    MCPStatusConnected,
    MCPStatusDisabled,
    MCPStatusFailed,
)
from oad.workers.egress import Egress
from oad.workers.mcp import server as module
from oad.workers.mcp.failure import CallFailed, ServerDown
from oad.workers.mcp.server import Server, World

from .world import Notes, make_world, zoo


@asynccontextmanager
async def started(config: McpConfig, world: World) -> AsyncGenerator[Server]:
    server = Server("zoo", config, world)
    async with trio.open_nursery() as nursery:
        server.start(nursery)
        with trio.fail_after(20):
            await server.settled.wait()
        yield server
        server.stop()


async def until(condition: Any) -> None:
    with trio.fail_after(10):
        while not condition():
            await trio.testing.wait_all_tasks_blocked(0.001)


async def test_what_a_server_has_and_does(tmp_path: Path) -> None:
    async with started(zoo(), make_world(tmp_path)) as server:
        assert server.status == MCPStatusConnected()
        connection = await server.ready(1)
        assert [tool["name"] for tool in connection.tools][:2] == ["add", "fail"]
        assert connection.prompts[0]["name"] == "greet"
        assert connection.resources[0]["uri"] == "mem://one"
        assert (await connection.call("add", {"a": 2, "b": 3}, 10))["content"][0]["text"] == "5"
        assert (await connection.call("fail", {}, 10))["isError"] is True
        assert (await connection.read("mem://one", 10))["contents"][0]["text"] == "the body of one"
        assert await connection.template(connection.prompts[0]) == "Greet $1 $2"
    assert server.status == MCPStatusDisabled()
    with pytest.raises(ServerDown, match="disabled"):
        await server.ready(1)


async def test_environment_and_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-not-for-servers")
    (tmp_path / "sub").mkdir()
    config = zoo(environment={"WANTED": "yes"}, cwd="sub")
    async with started(config, make_world(tmp_path)) as server:
        text = (await (await server.ready(1)).call("env", {}, 10))["content"][0]["text"]
    assert '"WANTED": "yes"' in text
    assert "sk-not-for-servers" not in text
    assert f'"cwd": "{tmp_path}/sub"' in text


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (zoo("exits"), "it ended with exit code 3"),
        (zoo("hangs", timeout=300), "it did not answer within 0.3 s"),
        (zoo("babbles"), "it writes to its standard output what is no MCP message"),
        (McpLocal(command=["/no/such/program"]), "No such file"),
        (McpLocal(command=[]), "no command is configured"),
        (McpLocal(command=["sudo", "reboot"]), "restricted"),
    ],
)
async def test_servers_that_can_not_be_had(tmp_path: Path, config: McpLocal, text: str) -> None:
    async with started(config, make_world(tmp_path)) as server:
        assert isinstance(server.status, MCPStatusFailed)
        assert text in server.status.error
        with pytest.raises(ServerDown, match="not connected"):
            await server.ready(1)


async def test_greetings_on_the_wrong_stream_are_forgiven(tmp_path: Path) -> None:
    async with started(zoo("greets"), make_world(tmp_path)) as server:
        assert server.status == MCPStatusConnected()


async def test_a_crash_costs_the_call_an_error_and_the_server_comes_back(tmp_path: Path) -> None:
    link = Notes()
    async with started(zoo(), make_world(tmp_path, link)) as server:
        first = await server.ready(1)
        with pytest.raises(CallFailed, match="it ended with exit code 7"):
            await first.call("crash", {}, 10)
        await until(lambda: server.connection not in (None, first))
        assert (await (await server.ready(5)).call("add", {"a": 1, "b": 1}, 10))["content"][0]["text"] == "2"
    assert ("mcp.tools.changed", {"server": "zoo"}) in link.events


async def test_a_call_that_is_never_answered(tmp_path: Path) -> None:
    async with started(zoo(), make_world(tmp_path)) as server:
        connection = await server.ready(1)
        with pytest.raises(CallFailed, match=r"wait: no answer within 0\.2 s"):
            await connection.call("wait", {}, 0.2)
        with trio.move_on_after(0.1) as scope:
            await connection.call("wait", {}, 60)
        assert scope.cancelled_caught
        assert (await connection.call("add", {"a": 1, "b": 1}, 10))["content"][0]["text"] == "2"


async def test_progress_gives_more_time(tmp_path: Path) -> None:
    async with started(zoo(), make_world(tmp_path)) as server:
        answered = await (await server.ready(1)).call("steps", {}, 0.4)
        assert answered["content"][0]["text"] == "took its time"


async def test_calls_end_with_the_server(tmp_path: Path) -> None:
    async with started(zoo(), make_world(tmp_path)) as server:
        connection = await server.ready(1)
        failed = trio.Event()

        async def call() -> None:
            with pytest.raises(CallFailed):
                await connection.call("wait", {}, 60)
            failed.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
            server.stop()
            with trio.fail_after(5):
                await failed.wait()


async def test_tools_that_appear(tmp_path: Path) -> None:
    link = Notes()
    async with started(zoo(), make_world(tmp_path, link)) as server:
        connection = await server.ready(1)
        await connection.call("grow", {}, 10)
        await until(lambda: "grown" in [tool["name"] for tool in connection.tools])
        await until(lambda: link.events == [("mcp.tools.changed", {"server": "zoo"})])


async def test_one_that_is_down_is_tried_again_when_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "server"
    async with trio.open_nursery() as nursery:
        server = Server("late", McpLocal(command=[str(program)]), make_world(tmp_path))
        server.start(nursery)
        await server.settled.wait()
        program.symlink_to("/bin/true")
        before = server.settled
        await until(server._life.ended.is_set)
        server.retry(nursery)
        assert server.settled is before, "not so soon"
        monkeypatch.setattr(module, "RETRY_S", 0.0)
        server.retry(nursery)
        await server.settled.wait()
        assert isinstance(server.status, MCPStatusFailed)
        assert "exit code 0" in server.status.error
        nursery.cancel_scope.cancel()


async def test_the_network_policy_holds_for_remote_servers(tmp_path: Path) -> None:
    world = make_world(tmp_path, egress=Egress(mode="off"))
    async with started(McpRemote(url="http://127.0.0.1:9/mcp"), world) as server:
        assert server.status == MCPStatusFailed(error="the network policy is off: no remote server can be reached")
    async with started(McpRemote(url="file:///etc/passwd"), make_world(tmp_path)) as server:
        assert server.status == MCPStatusFailed(error="not an address of HTTP: file:///etc/passwd")
