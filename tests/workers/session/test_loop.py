"""Whole turns, and the order of their events as clients of the reference know it."""

import pytest

from .conftest import MakeWorld
from .fakes import EchoTool, World, call, finish, text


async def test_plain_prompt(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("Hello"), *finish()])
    answer = await world.prompt("hi")
    assert world.link.types() == [
        "patched",  # agent, model
        "user",
        "part:text",
        "patched",
        "busy",
        "assistant",
        "patched",  # summary
        "diff",
        "user",
        "busy",
        "part:step-start",
        "part:text",
        "part.delta",
        "part:text.",
        "part:step-finish",
        "assistant stop",
        "assistant stop done",
        "busy",
        "patched",
        "diff",
        "user",
        "idle",
        "idle",
    ]
    assert [part["type"] for part in answer["parts"]] == ["step-start", "text", "step-finish"]
    assert answer["parts"][1]["text"] == "Hello"
    assert answer["info"]["cost"] == pytest.approx(0.00014)
    assert world.open_things() == []


async def test_tool_then_answer(make_world: MakeWorld) -> None:
    world: World = await make_world(
        [*text("look"), *call("echo", {"text": "one"}), *finish("tool-calls")],
        [*text("done"), *finish()],
        tools=[EchoTool()],
    )
    answer = await world.prompt("hi")
    events = world.link.types()
    assert events[9:] == [
        "busy",
        "part:step-start",
        "part:text",
        "part.delta",
        "part:text.",
        "echo:pending",
        "echo:running",
        "echo:running",
        "echo:completed",
        "part:step-finish",
        "assistant tool-calls",
        "assistant tool-calls done",
        "busy",
        "patched",
        "diff",
        "user",
        "assistant",
        "busy",
        "part:step-start",
        "part:text",
        "part.delta",
        "part:text.",
        "part:step-finish",
        "assistant stop",
        "assistant stop done",
        "busy",
        "patched",
        "diff",
        "user",
        "idle",
        "idle",
    ]
    assert answer["parts"][1]["text"] == "done"
    assert [m.role for m in world.model.requests[1].messages] == ["user", "assistant", "tool"]
