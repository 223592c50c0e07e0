"""Answers in the form of a schema."""

from .conftest import MakeWorld
from .fakes import World, call, finish, text

SCHEMA = {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"type": "number"}}}}


async def test_structured_answer(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("StructuredOutput", {"n": 1}), *finish("tool-calls")])
    answer = await world.prompt(format=SCHEMA)
    assert answer["info"]["structured"] == {"n": 1}
    assert world.model.requests[0].tool_choice == "required"
    assert [tool.name for tool in world.model.requests[0].tools] == ["echo", "StructuredOutput"]
    assert len(world.model.requests) == 1


async def test_missing_structured_answer(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("plain"), *finish()])
    assert (await world.prompt(format=SCHEMA))["info"]["error"]["name"] == "StructuredOutputError"
