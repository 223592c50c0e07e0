from typing import Any

from oad.contract.session import SessionRevert

from .conftest import MakeWorld
from .fakes import World


def removed(world: World, type: str) -> list[Any]:
    return [properties for seen, properties, _ in world.link.events if seen == type]


async def test_the_next_prompt_removes_what_was_reverted(make_world: MakeWorld) -> None:
    world: World = await make_world()
    await world.prompt("keep", messageID="msg_1")
    await world.prompt("gone", messageID="msg_2")
    gone = list(world.link.infos)[2:]
    world.link.session.revert = SessionRevert(message_id="msg_2")
    await world.prompt("instead")
    assert [properties["messageID"] for properties in removed(world, "message.removed")] == gone
    sent = [item for message in world.model.requests[-1].messages for item in message.content]
    assert "gone" not in str(sent) and "keep" in str(sent)


async def test_a_revert_to_a_part(make_world: MakeWorld) -> None:
    world: World = await make_world()
    parts = [{"type": "text", "text": word, "id": f"prt_{word}"} for word in ("one", "two", "three")]
    await world.do("prompt", {"parts": parts, "messageID": "msg_1"})
    world.link.session.revert = SessionRevert(message_id="msg_1", part_id="prt_two")
    await world.prompt("instead")
    assert [properties["partID"] for properties in removed(world, "message.part.removed")] == ["prt_two", "prt_three"]
    assert len(removed(world, "message.removed")) == 1
