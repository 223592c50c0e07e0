"""What rules and people decide about calls."""

from typing import Any

import msgspec
import trio
import trio.testing

from oad.contract.permission import PermissionRule
from oad.workers.tools.tool import ToolContext, ToolResult

from .conftest import MakeWorld
from .fakes import AskTool, EchoArgs, World, call, finish, tool_parts


def asking(world: World, reply: dict[str, str]) -> None:
    world.scene.rule_list = [PermissionRule(permission="ask", pattern="*", action="ask")]

    async def answer(asked: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return reply

    world.link.replies["ask.permission"] = answer


async def test_once_lets_the_call_run(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("ask", {"text": "x"}), *finish("tool-calls")], tools=[AskTool()])
    asking(world, {"reply": "once"})
    await world.prompt()
    (_, params, asked) = next(c for c in world.link.calls if c[0] == "ask.permission")
    assert asked["patterns"] == ["x"]
    assert asked["tool"] == {"messageID": tool_parts(world)[0]["messageID"], "callID": "call_1"}
    assert msgspec.json.decode(params["asking"]) == ["x"]
    assert tool_parts(world)[0]["state"]["status"] == "completed"


async def test_reject_ends_the_turn(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("ask", {"text": "x"}), *finish("tool-calls")], tools=[AskTool()])
    asking(world, {"reply": "reject"})
    answer = await world.prompt()
    assert len(world.model.requests) == 1
    assert answer["info"]["finish"] == "tool-calls"
    assert "error" not in answer["info"]
    assert "rejected permission" in tool_parts(world)[0]["state"]["error"]
    assert world.link.types()[-6:] == ["assistant tool-calls done", "patched", "diff", "user", "idle", "idle"]


async def test_reject_with_a_message_goes_on(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("ask", {"text": "x"}), *finish("tool-calls")], tools=[AskTool()])
    asking(world, {"reply": "reject", "message": "use y"})
    await world.prompt()
    assert len(world.model.requests) == 2
    assert "use y" in tool_parts(world)[0]["state"]["error"]


async def test_a_denied_pattern_is_quoted_and_the_turn_goes_on(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("ask", {"text": "rm"}), *finish("tool-calls")], tools=[AskTool()])
    world.scene.rule_list.append(PermissionRule(permission="ask", pattern="rm", action="deny"))
    await world.prompt()
    assert '"pattern":"rm"' in tool_parts(world)[0]["state"]["error"]
    assert len(world.model.requests) == 2


async def test_a_withheld_tool_is_not_offered(make_world: MakeWorld) -> None:
    world: World = await make_world([*call("echo", {}), *finish("tool-calls")])
    world.scene.rule_list.append(PermissionRule(permission="echo", pattern="*", action="deny"))
    await world.prompt()
    assert world.model.requests[0].tools == []
    part = tool_parts(world)[0]
    assert (part["tool"], part["state"]["status"]) == ("invalid", "completed")
    assert part["state"]["input"]["error"].startswith("Model tried to call unavailable tool 'echo'.")


async def test_tools_of_a_prompt_become_rules_of_the_session(make_world: MakeWorld) -> None:
    world: World = await make_world()
    await world.prompt(tools={"echo": False})
    assert world.model.requests[0].tools == []
    assert [rule.action for rule in world.link.session.permission or []] == ["deny"]
    await world.prompt()
    assert world.model.requests[1].tools == []


async def test_the_third_identical_call_of_a_step_asks(make_world: MakeWorld) -> None:
    calls = [event for n in range(4) for event in call("echo", {"text": "same"}, f"c{n}")]
    world: World = await make_world([*calls, *finish("tool-calls")])
    world.scene.rule_list.append(PermissionRule(permission="doom_loop", pattern="*", action="ask"))
    asked: list[Any] = []

    async def answer(request: Any) -> Any:
        asked.append(request)
        return {"reply": "once"}

    world.link.replies["ask.permission"] = answer
    await world.prompt()
    assert [request["permission"] for request in asked] == ["doom_loop", "doom_loop"]
    assert asked[0]["patterns"] == asked[0]["always"] == ["echo"]
    assert "tool" not in asked[0]
    assert [part["state"]["status"] for part in tool_parts(world)] == ["completed"] * 4


class LateTool(AskTool):
    """Has something to do before it asks, the first call at least."""

    async def run(self, args: EchoArgs, context: ToolContext) -> ToolResult:
        if args.text == "question 0":
            await trio.testing.wait_all_tasks_blocked()
        return await super().run(args, context)


async def test_calls_made_in_parallel_ask_in_their_order(make_world: MakeWorld) -> None:
    wanted = [f"question {number}" for number in range(5)]
    calls = [item for number, asked in enumerate(wanted) for item in call("ask", {"text": asked}, id=f"call_{number}")]
    world: World = await make_world([*calls, *finish("tool-calls")], tools=[LateTool()])
    asking(world, {"reply": "once"})
    await world.prompt()
    assert [asked["metadata"]["text"] for op, _, asked in world.link.calls if op == "ask.permission"] == wanted
