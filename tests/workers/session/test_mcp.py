"""What MCP servers lend to a session: tools, prompts as commands, resources."""

from typing import Any

import pytest
import trio

from oad.contract.errors import ApiError, named
from oad.contract.mcp import Offer, OfferedPrompt, OfferedTool
from oad.workers.session.mcp import Lent, borrow

from .conftest import MakeWorld
from .fakes import FakeLink, World, call, finish, text, texts_sent, tool_parts

TOOL = OfferedTool(
    name="zoo_add",
    server="zoo",
    tool="add",
    description="adds",
    schema={"type": "object", "properties": {"a": {"type": "number"}}},
)
PROMPT = OfferedPrompt(name="zoo:greet", server="zoo", prompt="greet", arguments=["who", "how"], description="greets")
LENT = Lent(Offer(tools=[TOOL], prompts=[PROMPT]))


def replying(world: World, op: str, reply: Any) -> list[Any]:
    asked: list[Any] = []

    async def answer(body: Any) -> Any:
        await trio.lowlevel.checkpoint()
        asked.append(body)
        if isinstance(reply, Exception):
            raise reply
        return reply

    world.link.replies[op] = answer
    return asked


async def test_the_model_is_offered_the_tool_and_its_call_arrives(make_world: MakeWorld) -> None:
    world: World = await make_world(
        [*call("zoo_add", {"a": 2}), *finish("tool-calls")],
        [*text("ok"), *finish()],
        tools=list(LENT.tools.values()),
    )
    asked = replying(world, "mcp.call", {"content": [{"type": "text", "text": "5"}]})
    await world.prompt("go")
    (spec,) = world.model.requests[0].tools
    assert (spec.name, spec.description, spec.parameters) == ("zoo_add", "adds", TOOL.schema)
    assert asked == [{"server": "zoo", "tool": "add", "arguments": {"a": 2}}]
    assert tool_parts(world)[0]["state"]["output"] == "5"


async def test_a_prompt_is_a_command(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.command_map = LENT.commands()
    world.scene.services["mcp_prompts"] = LENT.prompts
    asked = replying(world, "mcp.prompt", {"text": "Greet Ada !`ls` very warmly"})
    await world.do("command", {"command": "zoo:greet", "arguments": "Ada very warmly"})
    assert asked == [{"server": "zoo", "prompt": "greet", "arguments": {"who": "Ada", "how": "very warmly"}}]
    # What a server says is not run.
    assert texts_sent(world, 0)[0] == "Greet Ada !`ls` very warmly"
    replying(world, "mcp.prompt", named(502, "McpError", message="the server is gone"))
    with pytest.raises(ApiError) as caught:
        await world.do("command", {"command": "zoo:greet", "arguments": ""})
    assert "the server is gone" in str(caught.value.body)


async def test_a_resource_comes_with_a_prompt(make_world: MakeWorld) -> None:
    world: World = await make_world()
    asked = replying(world, "mcp.read", {"contents": [{"uri": "mem://one", "text": "the body"}, {"mimeType": "a/b"}]})
    source = {"type": "resource", "clientName": "zoo", "uri": "mem://one", "text": {"value": "@", "start": 0, "end": 1}}
    file = {"type": "file", "mime": "text/plain", "filename": "one", "url": "mem://one", "source": source}
    stored = await world.do("prompt", {"parts": [file], "noReply": True})
    said, body, binary, part = stored["parts"]
    assert asked == [{"server": "zoo", "uri": "mem://one"}]
    assert said["text"] == "Resource one (mem://one) of the MCP server zoo:"
    assert (body["text"], binary["text"]) == ("the body", "[Binary content: a/b]")
    assert (part["type"], part["url"]) == ("file", "mem://one")
    replying(world, "mcp.read", named(502, "McpError", message="gone"))
    stored = await world.do("prompt", {"parts": [file], "noReply": True})
    assert stored["parts"][1]["text"] == "The resource mem://one of the MCP server zoo could not be read: gone"


async def test_a_turn_begins_also_without_servers(make_world: MakeWorld) -> None:
    world: World = await make_world()
    link: FakeLink = world.link
    assert (await borrow(link, configured=True)).tools == {}
    asked = replying(world, "mcp.offer", {"tools": [], "prompts": [], "withheld": "because"})
    assert (await borrow(link, configured=False)).prompts == {}
    assert len(asked) == 1
    assert link.calls[-1][1] == {"configured": "false"}
