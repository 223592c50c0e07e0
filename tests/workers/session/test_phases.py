"""Turns that take more than steps and tools: permissions, retries, summaries, titles, structured answers, subagents."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from oad.contract.catalogue import Command
from oad.contract.errors import ApiError
from oad.contract.permission import PermissionRule
from oad.contract.session import CacheTokens, Tokens
from oad.workers.providers.model import ModelFailure, TextContent
from oad.workers.tools.tool import ToolContext, ToolResult

from .conftest import MakeWorld
from .fakes import AskTool, EchoTool, World, call, finish, make_agent, text

DEFAULT_TITLE = "New session - 2026-11-20T08:48:14.715Z"
HUGE = Tokens(input=250_000, output=50, reasoning=0, cache=CacheTokens(read=0, write=0), total=250_050)


def tool_parts(world: World) -> list[Any]:
    return [part for part in world.link.parts.values() if part["type"] == "tool"]


def texts_sent(world: World, number: int) -> list[str]:
    messages = world.model.requests[number].messages
    return [item.text for message in messages for item in message.content if isinstance(item, TextContent)]


# -- permissions ------------------------------------------------------------------------------------------------------


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


# -- model calls that fail --------------------------------------------------------------------------------------------


async def test_retries_are_visible_and_end(make_world: MakeWorld, autojump_clock: trio.testing.MockClock) -> None:
    failure = ModelFailure("api", "rate limited", status=429, retryable=True)
    world: World = await make_world(*[[failure]] * 7)
    answer = await world.prompt()
    states = [p["status"] for t, p, _ in world.link.events if t == "session.status" and p["status"]["type"] == "retry"]
    assert [state["attempt"] for state in states] == [1, 2, 3, 4, 5]
    assert states[0]["message"] == "rate limited"
    assert len(world.model.requests) == 6
    assert answer["info"]["error"]["data"]["isRetryable"] is True


async def test_a_stream_that_dies_is_tried_again(make_world: MakeWorld, autojump_clock: trio.testing.MockClock) -> None:
    died = ModelFailure("connect", "Connection reset by server", retryable=True)
    world: World = await make_world([*text("cut off")[:2], died], [*text("whole"), *finish()])
    answer = await world.prompt()
    assert [part["type"] for part in answer["parts"]] == ["step-start", "text", "step-start", "text", "step-finish"]
    assert [part["text"] for part in answer["parts"] if part["type"] == "text"] == ["", "whole"]
    assert "time" not in answer["parts"][1] or "end" not in answer["parts"][1]["time"]


async def test_calls_made_before_a_stream_died_are_not_repeated(
    make_world: MakeWorld, autojump_clock: trio.testing.MockClock
) -> None:
    died = ModelFailure("connect", "Connection reset by server", retryable=True)
    world: World = await make_world([*call("echo", {"text": "once"}), died], [*text("end"), *finish()])
    await world.prompt()
    assert [part["state"]["status"] for part in tool_parts(world)] == ["completed"]
    assert [message.role for message in world.model.requests[1].messages] == ["user", "assistant", "tool"]


async def test_a_filtered_answer_is_an_error(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("bad"), *finish("content-filter")])
    answer = await world.prompt()
    assert answer["info"]["error"]["name"] == "ContentFilterError"
    assert "error" in world.link.types()


# -- summaries --------------------------------------------------------------------------------------------------------


async def test_a_full_context_is_summarised(make_world: MakeWorld) -> None:
    world: World = await make_world(
        [*call("echo", {"text": "x"}), *finish("tool-calls", HUGE)],
        [*text("the summary"), *finish()],
        [*text("went on"), *finish()],
    )
    answer = await world.prompt("do it")
    assert answer["parts"][1]["text"] == "went on"
    events = world.link.types()
    start = events.index("assistant tool-calls done")
    assert events[start : start + 11] == [
        "assistant tool-calls done",
        "user",
        "part:compaction",
        "busy",
        "patched",
        "diff",
        "user",
        "assistant summary",
        "busy",
        "part:step-start",
        "part:text",
    ]
    end = events.index("assistant stop done summary")
    assert events[end : end + 5] == ["assistant stop done summary", "user", "part:text.", "compacted", "busy"]
    assert "[User]: do it" in texts_sent(world, 1)[0]
    assert world.model.requests[1].tools == []
    assert texts_sent(world, 2)[:2] == ["What did we do so far?", "the summary"]
    assert world.open_things() == []


async def test_an_overflow_is_summarised_and_the_prompt_put_again(make_world: MakeWorld) -> None:
    world: World = await make_world(
        [*text("one"), *finish()],
        [ModelFailure("overflow", "too long", status=413, body="{}")],
        [*text("the summary"), *finish()],
        [*text("two"), *finish()],
    )
    await world.prompt("first")
    answer = await world.prompt("second")
    assert answer["parts"][1]["text"] == "two"
    assert texts_sent(world, 3) == ["What did we do so far?", "the summary", "second"]
    errors = [p["error"]["name"] for t, p, _ in world.link.events if t == "session.error"]
    assert errors == ["ContextOverflowError"]
    assert "second" not in texts_sent(world, 2)[0]


async def test_overflows_end(make_world: MakeWorld) -> None:
    too_long = [ModelFailure("overflow", "too long", status=413)]
    summary = [*text("s"), *finish()]
    world: World = await make_world(*[too_long, summary] * 5)
    answer = await world.prompt("first")
    assert answer["info"]["error"]["name"] == "ContextOverflowError"
    assert world.open_things() == []


async def test_summarize(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("one"), *finish()], [*text("the summary"), *finish()])
    await world.prompt("first")
    assert await world.do("summarize", {"providerID": "fake", "modelID": "fake-1"}) is True
    events = world.link.types()
    assert events[-7:] == ["compacted", "busy", "patched", "diff", "user", "idle", "idle"]
    with pytest.raises(ApiError) as error:
        await world.do("summarize", {"providerID": "no", "modelID": "no"})
    assert error.value.status == 400
    assert world.link.types()[-4:] == ["busy", "error", "idle", "idle"]


async def test_abort_while_summarising(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("one"), *finish()], [*text("half")[:2], trio.Event()])
    await world.prompt("first")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.do, "summarize", {"providerID": "fake", "modelID": "fake-1"})
        while len(world.model.requests) < 2:
            await trio.lowlevel.checkpoint()
        world.worker.abort()
    assert world.open_things() == []
    assert world.link.types()[-3:] == ["assistant done summary MessageAbortedError", "idle", "idle"]
    await world.prompt("next")
    assert "one" in texts_sent(world, 2)  # the summary does not count


async def test_old_outputs_are_forgotten(make_world: MakeWorld) -> None:
    big = "x" * 300_000
    world: World = await make_world([*call("echo", {"text": big}), *finish("tool-calls")])
    for words in ("one", "two", "three"):
        await world.prompt(words)
    assert tool_parts(world)[0]["state"]["time"]["compacted"]


# -- titles -----------------------------------------------------------------------------------------------------------


async def test_a_default_title_is_replaced(make_world: MakeWorld) -> None:
    world: World = await make_world(
        [*text("<think>hm</think>\n\nA good title\n"), *finish()], [*text("answer"), *finish()], title=DEFAULT_TITLE
    )
    world.scene.small_model = lambda provider_id: None  # type: ignore[method-assign, assignment]
    # Which of the two calls comes first is open: both scripts end the turn well.
    await world.prompt("hello")
    await world.link.seen(lambda seen, p: seen == "session.patched" and "title" in p["patch"])
    assert world.link.session.title in {"A good title", "answer"}


async def test_abort_while_the_title_is_made(make_world: MakeWorld) -> None:
    world: World = await make_world(title=DEFAULT_TITLE)
    hang = trio.Event()
    real = world.model.stream

    async def stream(request: Any, emit: Any) -> None:
        if not request.tools:
            hang.set()
            await trio.sleep_forever()
        await real(request, emit)

    world.model.stream = stream  # type: ignore[method-assign]
    answer = await world.prompt("hello")
    assert answer["info"]["finish"] == "stop"
    await hang.wait()
    assert world.idles == []
    world.worker.abort()
    await world.worker.handle("worker.abort", {}, b"")
    assert world.idles == [1]
    assert world.link.session.title == DEFAULT_TITLE


# -- other ways to answer ---------------------------------------------------------------------------------------------

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


async def test_shell(make_world: MakeWorld) -> None:
    world: World = await make_world()
    answer = await world.do("shell", {"agent": "build", "command": "echo out"})
    assert world.link.types() == [
        "busy",
        "user",
        "part:text",
        "assistant",
        "bash:running",
        "bash:running",
        "assistant done",
        "bash:completed",
        "idle",
        "idle",
    ]
    assert answer["parts"][0]["state"]["output"] == "out\n"
    assert world.model.requests == []
    await world.prompt("what did it print")
    assert [message.role for message in world.model.requests[0].messages] == ["user", "assistant", "tool", "user"]


async def test_shell_busy_queue_and_abort(make_world: MakeWorld) -> None:
    world: World = await make_world()
    answers: list[Any] = []

    async def do(op: str, body: Any) -> None:
        answers.append(await world.do(op, body))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(do, "shell", {"agent": "build", "command": "sleep 9"})
        await world.exec.started.wait()
        with pytest.raises(ApiError) as error:
            await world.do("shell", {"agent": "build", "command": "echo"})
        assert error.value.status == 409
        nursery.start_soon(do, "prompt", {"parts": [{"type": "text", "text": "hi"}]})
        while world.link.types().count("patched") < 2:
            await trio.lowlevel.checkpoint()
        before = len(world.link.events)
        world.worker.abort()
    assert world.link.types(before) == ["assistant done", "bash:completed", "idle", "idle"]
    assert answers[0]["info"]["id"] == answers[1]["info"]["id"]
    assert answers[0]["parts"][0]["state"]["output"].endswith("User aborted the command\n</metadata>")
    assert world.model.requests == []


async def test_a_prompt_during_a_shell_is_answered_after_it(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("answer"), *finish()])
    seen = trio.Event()
    world.link.hook = lambda kind, p: (
        seen.set() if kind == "message.part.updated" and p["part"]["type"] == "tool" else None
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.do, "shell", {"agent": "build", "command": "echo out"})
        await seen.wait()
        assert (await world.prompt())["parts"][1]["text"] == "answer"


def command(name: str, template: str, **fields: Any) -> Command:
    return Command(name=name, template=template, hints=[], **fields)


async def test_command(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha\n")
    world: World = await make_world()
    world.scene.command_map = {"hello": command("hello", "Say !`x` to $1, see @a.txt")}
    await world.do("command", {"command": "hello", "arguments": "big world"})
    sent = texts_sent(world, 0)
    assert sent[0] == "Say out to big world, see @a.txt"
    assert sent[1].startswith("Called the Read tool")
    kind, properties, _ = world.link.events[-1]
    assert kind == "command.executed"
    assert (properties["name"], properties["arguments"]) == ("hello", "big world")
    with pytest.raises(ApiError) as error:
        await world.do("command", {"command": "nope", "arguments": ""})
    assert error.value.status == 400


async def test_a_command_for_a_subagent_is_a_subtask(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("ok"), *finish()], tools=[FakeTask()])
    world.scene.command_map = {"sub": command("sub", "research $ARGUMENTS", agent="general")}
    await world.do("command", {"command": "sub", "arguments": "things"})
    assert tool_parts(world)[0]["state"]["output"] == "did research things"
    assert texts_sent(world, 0)[-1].startswith("Summarize the task tool output")


async def test_init(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.command_map = {"init": command("init", "Write AGENTS.md")}
    body = {"providerID": "fake", "modelID": "fake-1", "messageID": "msg_init0001"}
    assert await world.do("init", body) is True
    assert world.link.infos["msg_init0001"]["role"] == "user"
