"""Servers over HTTP: both ways to reach them, and what is sent to them."""

from pathlib import Path

import pytest
import trio
import trio.testing

from oad.contract.mcp import McpRemote, MCPStatusConnected, MCPStatusFailed
from oad.workers.mcp.failure import CallFailed
from oad.workers.mcp.server import Server

from .test_server import started
from .web import Web, serving
from .world import make_world


async def test_streamable_http(tmp_path: Path) -> None:
    async with serving(Web()) as web:
        config = McpRemote(url=web.url, headers={"X-Key": "abc"})
        async with started(config, make_world(tmp_path)) as server:
            assert server.status == MCPStatusConnected()
            connection = await server.ready(1)
            assert (await connection.call("echo", {"a": 1}, 5))["content"][0]["text"] == '{"a": 1}'
        assert {headers.get("x-key") for headers in web.headers} == {"abc"}
        assert web.headers[-1].get("mcp-session-id") == "session-1"


async def test_the_older_events(tmp_path: Path) -> None:
    async with serving(Web(streams=False)) as web:
        config = McpRemote(url=f"{web.base}/sse")
        async with started(config, make_world(tmp_path)) as server:
            assert server.status == MCPStatusConnected()
            assert (await (await server.ready(1)).call("echo", {}, 5))["content"][0]["text"] == "{}"


async def test_servers_that_are_not_there(tmp_path: Path) -> None:
    async with serving(Web(streams=False)) as web:
        async with started(McpRemote(url=f"{web.base}/nothing"), make_world(tmp_path)) as server:
            assert isinstance(server.status, MCPStatusFailed)
            assert "HTTP 404" in server.status.error
        url = web.url
    async with started(McpRemote(url=url), make_world(tmp_path)) as server:
        assert isinstance(server.status, MCPStatusFailed)
        assert "connect" in server.status.error


async def test_without_oauth_a_refusal_is_a_failure(tmp_path: Path) -> None:
    async with serving(Web(secured=True)) as web:
        async with started(McpRemote(url=web.url, oauth=False), make_world(tmp_path)) as server:
            assert isinstance(server.status, MCPStatusFailed)
            assert "HTTP 401" in server.status.error
        assert "/register" not in web.asked


async def test_a_server_that_goes_away_costs_the_call_an_error(tmp_path: Path) -> None:
    async with serving(Web()) as web:
        config = McpRemote(url=web.url)
        async with trio.open_nursery() as nursery:
            server = Server("web", config, make_world(tmp_path))
            server.start(nursery)
            await server.settled.wait()
            connection = await server.ready(1)
            web.gone = True
            with trio.fail_after(5), pytest.raises(CallFailed):
                await connection.call("echo", {}, 60)
            await connection.broken.wait()
            web.gone = False
            with trio.fail_after(5):
                while server.connection in (None, connection):
                    await trio.testing.wait_all_tasks_blocked(0.001)
            server.stop()


async def test_a_call_that_waits_when_the_connection_ends(tmp_path: Path) -> None:
    async with serving(Web()) as web, started(McpRemote(url=web.url), make_world(tmp_path)) as server:
        connection = await server.ready(1)
        web.silent = True

        async def call() -> None:
            with pytest.raises(CallFailed, match=r"(?i)closed"):
                await connection.call("echo", {}, 60)

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call)
                await web.hangs.wait()
                server.stop()
