"""What becomes of a prompt's fields."""

from typing import Any

from .conftest import MakeWorld
from .fakes import World, make_agent, make_model


def patches(world: World) -> list[Any]:
    return [properties["patch"] for type, properties, _ in world.link.events if type == "session.patched"]


async def test_ids_of_the_client_are_kept(make_world: MakeWorld) -> None:
    world: World = await make_world()
    parts = [{"type": "text", "text": "hi", "id": "prt_mine"}]
    answer = await world.do("prompt", {"parts": parts, "messageID": "msg_mine"})
    assert answer["info"]["parentID"] == "msg_mine"
    assert world.link.parts["prt_mine"]["messageID"] == "msg_mine"


async def test_agent_and_model_are_shown_once(make_world: MakeWorld) -> None:
    world: World = await make_world()
    await world.prompt()
    await world.prompt()
    shown = [patch for patch in patches(world) if "model" in patch]
    assert shown == [{"agent": "build", "model": {"id": "fake-1", "providerID": "fake", "variant": "default"}}]


async def test_model_is_sticky_but_agent_and_variant_are_not(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.models["v"] = make_model("v")
    world.scene.models["v"].variants = {"high": {"reasoningEffort": "high"}}
    await world.prompt(model={"providerID": "fake", "modelID": "v"}, variant="high", agent="plan")
    await world.prompt()
    first, second = (info for info in world.link.infos.values() if info["role"] == "assistant")
    assert (first["modelID"], first["variant"], first["agent"]) == ("v", "high", "plan")
    assert (second["modelID"], second.get("variant"), second["agent"]) == ("v", None, "build")
    assert [request.options for request in world.model.requests] == [{"reasoningEffort": "high"}, {}]


async def test_an_unknown_variant_is_kept_and_adds_nothing(make_world: MakeWorld) -> None:
    world: World = await make_world()
    answer = await world.prompt(variant="nope")
    assert answer["info"]["variant"] == "nope"
    assert world.model.requests[0].options == {}


async def test_a_subagent_may_be_prompted(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.agent_list.append(make_agent("hid", mode="subagent", hidden=True, prompt="You are hidden."))
    await world.prompt(agent="hid", system="EXTRA")
    (system,) = world.model.requests[0].system
    assert system.startswith("You are hidden.")
    assert "Be kind." in system and system.endswith("EXTRA")


async def test_an_agent_part_asks_for_the_task_tool(make_world: MakeWorld) -> None:
    world: World = await make_world()
    await world.do("prompt", {"parts": [{"type": "agent", "name": "general"}], "noReply": True})
    agent, note = world.link.parts.values()
    assert agent["type"] == "agent"
    assert note["synthetic"] and note["text"].endswith("call the task tool with subagent: general")


async def test_a_repeated_message_id_replaces_the_message(make_world: MakeWorld) -> None:
    world: World = await make_world()
    await world.prompt("a", messageID="msg_same", noReply=True)
    again = await world.prompt("b", messageID="msg_same", system="new", noReply=True)
    assert [part["text"] for part in again["parts"]] == ["b"]  # the answer is about this prompt only
    assert world.link.infos["msg_same"]["system"] == "new"
    assert len(world.link.infos) == 1
