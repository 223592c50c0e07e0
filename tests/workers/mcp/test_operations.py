"""What clients and sessions ask, from the question to the answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from oad.contract.errors import ApiError
from oad.contract.policy import ShellPolicy
from oad.link import Answer
from oad.workers.config.settings import McpSection
from oad.workers.mcp.added import Added
from oad.workers.mcp.authorizing import Authorizing
from oad.workers.mcp.operations import McpOperations
from oad.workers.mcp.servers import Servers

from .world import Notes, make_world, zoo

CONFIG = {"type": "local", "command": zoo().command}
CONNECTED = {"status": "connected"}


class Asked:
    def __init__(
        self, directory: Path, sections: dict[str, McpSection], shell: ShellPolicy | None, link: Notes | None = None
    ) -> None:
        self.link = link or Notes()
        self.sections = sections
        self.servers = Servers(make_world(directory, self.link, shell=shell), lambda: self.sections)
        authorizing, added = Authorizing(self.servers, self.link), Added(self.servers, self.link)
        self.operations = McpOperations(self.servers, authorizing, added, lambda: 10.0)

    async def __call__(self, op: str, body: Any = None, **params: str) -> Any:
        data = b"" if body is None else msgspec.json.encode(body)
        with trio.fail_after(20):
            return msgspec.json.decode((await self.operations.handle(op, params, data)).body)

    async def extend(self, op: str, known: list[Any]) -> list[Any]:
        answer = await self.operations.extend(op, Answer(msgspec.json.encode(known)))
        found: list[Any] = msgspec.json.decode(answer.body)
        return found

    async def refused(self, op: str, body: Any = None, **params: str) -> ApiError:
        with pytest.raises(ApiError) as caught:
            await self(op, body, **params)
        return caught.value


@asynccontextmanager
async def asking(
    directory: Path,
    sections: dict[str, McpSection] | None = None,
    shell: ShellPolicy | None = None,
    link: Notes | None = None,
) -> AsyncGenerator[Asked]:
    asked = Asked(directory, sections or {}, shell, link)
    async with trio.open_nursery() as nursery:
        await nursery.start(asked.servers.run)
        yield asked
        nursery.cancel_scope.cancel()


def section(manner: str = "good", **fields: Any) -> McpSection:
    return McpSection(type="local", command=zoo(manner).command, **fields)


async def test_without_servers_everything_is_empty(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        assert await ask("mcp.status") == {}
        assert await ask("experimental.resource.list") == {}
        assert await ask("mcp.offer") == {"tools": [], "prompts": []}
        assert await ask.extend("tool.ids", ["bash"]) == ["bash"]
        assert (await ask.refused("mcp.connect", name="x")).body == {
            "_tag": "McpServerNotFoundError",
            "name": "x",
            "message": "MCP server not found: x",
        }


async def test_a_server_that_a_client_adds(tmp_path: Path) -> None:
    async with asking(tmp_path) as ask:
        assert await ask("mcp.add", {"name": "my zoo", "config": CONFIG}) == {"my zoo": CONNECTED}
        assert ask.link.calls[-1] == ("mcp.added.set", {})
        ids = await ask.extend("tool.ids", ["bash"])
        assert ids[:3] == ["bash", "my_zoo_add", "my_zoo_fail"]
        tools = await ask.extend("tool.list", [])
        assert tools[0]["parameters"]["required"] == ["a", "b"]
        assert await ask.extend("command.list", [{"name": "init"}]) == [
            {"name": "init"},
            {
                "name": "my_zoo:greet",
                "description": "a prompt",
                "source": "mcp",
                "template": "Greet $1 $2",
                "hints": ["$1", "$2"],
            },
        ]
        resources = await ask("experimental.resource.list")
        one = {"name": "one", "uri": "mem://one", "client": "my zoo", "mimeType": "text/plain"}
        assert resources["my_zoo:mem://one"] == one
        call = {"server": "my zoo", "tool": "add", "arguments": {"a": 20, "b": 3}}
        assert (await ask("mcp.call", call))["content"][0]["text"] == "23"
        prompt = {"server": "my zoo", "prompt": "greet", "arguments": {"who": "Ada", "how": "well"}}
        assert await ask("mcp.prompt", prompt) == {"text": "Greet Ada well"}
        assert await ask("mcp.disconnect", name="my zoo") is True
        assert await ask("mcp.status") == {"my zoo": {"status": "disabled"}}
        assert msgspec.json.decode(ask.link.added)[0]["stopped"] is True
        failed = await ask.refused("mcp.call", call)
        assert failed.body["data"]["message"] == "The MCP server my zoo is not connected: it is disabled"
        assert await ask("mcp.connect", name="my zoo") is True
        assert await ask("mcp.status") == {"my zoo": CONNECTED}


async def test_what_was_added_is_there_again_in_the_next_process(tmp_path: Path) -> None:
    notes = Notes()
    async with asking(tmp_path, link=notes) as ask:
        for name in ("kept", "stopped"):
            await ask("mcp.add", {"name": name, "config": CONFIG})
        await ask("mcp.disconnect", name="stopped")
    async with asking(tmp_path, link=notes) as ask:
        assert {tool["server"] for tool in (await ask("mcp.offer"))["tools"]} == {"kept"}
        assert await ask("mcp.status") == {"kept": CONNECTED, "stopped": {"status": "disabled"}}
        await ask("mcp.connect", name="stopped")
    async with asking(tmp_path, link=notes, shell=ShellPolicy(allow=("git *",))) as ask:
        assert await ask("mcp.status") == {}  # the policy has changed meanwhile
        assert await ask.extend("tool.ids", []) == []


async def test_configured_servers_follow_the_configuration(tmp_path: Path) -> None:
    sections = {"a": section(), "off": section(enabled=False), "switch": McpSection(enabled=False)}
    async with asking(tmp_path, sections) as ask:
        assert await ask("mcp.status") == {"a": CONNECTED, "off": {"status": "disabled"}}
        offered = await ask("mcp.offer")
        assert offered["tools"][0]["name"] == "a_add"
        assert offered["prompts"][0]["arguments"] == ["who", "how"]
        ask.sections = {"b": section(), "bad": McpSection(type="local")}
        found = await ask("mcp.status")
        assert found["b"] == CONNECTED
        assert found["bad"]["status"] == "failed"
        assert "command" in found["bad"]["error"]
        assert not any(op == "daemon.needed" for op, _ in ask.link.calls)


async def test_a_slow_server_holds_nobody_up_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.workers.mcp.servers.FIRST_S", 1.0)
    async with asking(tmp_path, {"slow": section("hangs"), "good": section()}) as ask:
        await ask.servers.find("good").settled.wait()
        with trio.fail_after(4):
            offered = await ask("mcp.offer")
        assert {tool["server"] for tool in offered["tools"]} == {"good"}
        assert (await ask("mcp.status"))["slow"] == {"status": "failed", "error": "it is still being started"}


async def test_what_a_policy_forbids_is_not_added(tmp_path: Path) -> None:
    async with asking(tmp_path, shell=ShellPolicy(allow=("git *",))) as ask:
        refused = await ask.refused("mcp.add", {"name": "zoo", "config": CONFIG})
        assert refused.status == 403
        assert "not-allowed" in refused.body["data"]["message"]
        assert await ask("mcp.status") == {}


async def test_a_server_that_exits_and_one_that_is_put_in_its_place(tmp_path: Path) -> None:
    exits = {"type": "local", "command": zoo("exits").command}
    async with asking(tmp_path) as ask:
        found = await ask("mcp.add", {"name": "zoo", "config": exits})
        assert found == {"zoo": {"status": "failed", "error": "it ended with exit code 3"}}
        assert await ask("mcp.add", {"name": "zoo", "config": CONFIG}) == {"zoo": CONNECTED}


async def test_authorizing_what_needs_none(tmp_path: Path) -> None:
    async with asking(tmp_path, {"a": section()}) as ask:
        body = {"error": "MCP server a does not support OAuth"}
        assert (await ask.refused("mcp.auth.start", name="a")).body == body
        assert (await ask.refused("mcp.auth.authenticate", name="a")).body == body
        assert (await ask.refused("mcp.auth.callback", {"code": "x"}, name="a")).status == 400
        assert await ask("mcp.auth.remove", name="a") == {"success": True}
