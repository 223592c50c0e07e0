"""Subagents that a prompt orders."""

from typing import Any

import msgspec

from oad.workers.tools.tool import ToolContext, ToolResult

from .conftest import MakeWorld
from .fakes import EchoTool, World, finish, text, tool_parts


class FakeTask(EchoTool):
    name = "task"
    args = msgspec.defstruct("TaskArgs", [("prompt", str), ("subagent_type", str), ("description", str)])

    async def run(self, args: Any, context: ToolContext) -> ToolResult:
        await context.ask("task", [args.subagent_type], always=["*"], metadata={})
        return ToolResult(title=args.description, output=f"did {args.prompt}", metadata={})


async def test_subtask(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("summed up"), *finish()], tools=[FakeTask()])
    subtask = {"type": "subtask", "prompt": "the thing", "description": "thing", "agent": "general"}
    answer = await world.do("prompt", {"parts": [subtask]})
    assert answer["parts"][1]["text"] == "summed up"
    part = tool_parts(world)[0]
    assert part["state"]["output"] == "did the thing"
    assert [message.role for message in world.model.requests[0].messages] == ["user", "assistant", "tool"]
    events = world.link.types()
    assert events[events.index("task:running") :][:3] == ["task:running", "assistant tool-calls done", "task:completed"]
