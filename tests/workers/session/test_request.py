"""What is added to a request."""

from .conftest import MakeWorld
from .fakes import World, call, finish, make_agent, text, texts_sent


async def test_the_last_step_is_told_so(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("echo", {}), *finish("tool-calls")], [*text("end"), *finish()])
    world.scene.agent_list[0] = make_agent("build", steps=2)
    await world.prompt()
    assert [message.role for message in world.model.requests[0].messages] == ["user"]
    assert world.model.requests[1].messages[-1].role == "assistant"
    assert "MAXIMUM STEPS" in texts_sent(world, 1)[-1]


async def test_plan_mode_is_told_and_its_end(make_world: MakeWorld) -> None:
    world: World = await make_world()
    await world.prompt(agent="plan")
    await world.prompt()
    assert "Plan mode is on" in texts_sent(world, 0)[-1]
    assert "changed from plan to build" in texts_sent(world, 1)[-1]
