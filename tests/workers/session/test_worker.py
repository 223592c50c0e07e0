"""Operations, queueing, aborts in every phase, and the invariant that nothing is ever left open."""

from collections.abc import Awaitable, Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oad.contract.errors import ApiError
from oad.contract.permission import PermissionRule
from oad.workers.providers.model import ModelFailure
from oad.workers.session import step

from .conftest import MakeWorld
from .fakes import AskTool, EchoTool, WaitTool, World, call, finish, text, thought

ASK = [PermissionRule(permission="*", pattern="*", action="ask")]
Reach = Callable[[World], Awaitable[None]]


def is_type(type: str) -> Callable[[str, Any], bool]:
    return lambda seen, properties: seen == type


def status_is(kind: str) -> Callable[[str, Any], bool]:
    return lambda seen, properties: seen == "session.status" and properties["status"]["type"] == kind


async def test_no_reply_only_stores(make_world: MakeWorld) -> None:
    world: World = await make_world()
    answer = await world.prompt("note", noReply=True)
    assert answer["info"]["role"] == "user"
    assert world.link.types() == ["patched", "user", "part:text", "patched"]
    assert not world.worker.busy
    assert world.idles == [1]


async def test_prompt_async_answers_once_stored(make_world: MakeWorld) -> None:
    go = trio.Event()
    world: World = await make_world([go, *text("x"), *finish()])
    assert await world.do("prompt_async", {"parts": [{"type": "text", "text": "hi"}]}) == 204
    assert any(info["role"] == "user" for info in world.link.infos.values())
    go.set()
    await world.link.seen(is_type("session.idle"))


async def test_prompts_of_a_busy_session_join_the_turn(make_world: MakeWorld) -> None:
    go = trio.Event()
    world: World = await make_world([go, *text("one"), *finish()], [*text("both"), *finish()])
    answers: list[Any] = []

    async def ask(words: str) -> None:
        answers.append(await world.prompt(words))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "first")
        await world.model.called.wait()
        nursery.start_soon(ask, "second")
        nursery.start_soon(ask, "third")
        while sum(info["role"] == "user" for info in world.link.infos.values()) < 3:
            await trio.lowlevel.checkpoint()
        go.set()
    assert len(world.model.requests) == 2
    assert [answer["parts"][1]["text"] for answer in answers] == ["both"] * 3
    users = [id for id, info in world.link.infos.items() if info["role"] == "user"]
    assert answers[0]["info"]["parentID"] == users[-1]


async def test_a_prompt_during_a_tool_joins_the_next_step(make_world: MakeWorld) -> None:
    tool = WaitTool()
    world: World = await make_world([*call("wait", {}), *finish("tool-calls")], [*text("end"), *finish()], tools=[tool])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.prompt, "first")
        await tool.started.wait()
        nursery.start_soon(world.prompt, "interjection")
        while sum(info["role"] == "user" for info in world.link.infos.values()) < 2:
            await trio.lowlevel.checkpoint()
        tool.go.set()
    assert [message.role for message in world.model.requests[1].messages] == ["user", "assistant", "tool", "user"]


async def test_calls_of_a_step_run_side_by_side(make_world: MakeWorld) -> None:
    tool = WaitTool()
    world: World = await make_world(
        [*call("wait", {"text": "a"}, "c1"), *call("wait", {"text": "b"}, "c2"), *finish("tool-calls")], tools=[tool]
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.prompt)
        while tool.running < 2:
            await trio.lowlevel.checkpoint()
        tool.go.set()
    assert world.open_things() == []


async def test_unknown_agent_is_told_and_refused(make_world: MakeWorld) -> None:
    world: World = await make_world()
    with pytest.raises(ApiError) as error:
        await world.prompt(agent="nope")
    assert error.value.status == 400
    assert world.link.types() == ["error"]
    assert not world.worker.busy
    assert await world.do("prompt_async", {"parts": [], "agent": "nope"}) == 204


async def test_unknown_model_is_told_and_does_not_stick(make_world: MakeWorld) -> None:
    world: World = await make_world()
    with pytest.raises(ApiError) as error:
        await world.prompt(model={"providerID": "no", "modelID": "no"})
    assert error.value.status == 400
    assert world.link.types()[-4:] == ["busy", "error", "idle", "idle"]
    assert (await world.prompt())["info"]["modelID"] == "fake-1"


async def test_malformed_prompt_is_refused(make_world: MakeWorld) -> None:
    world: World = await make_world()
    for body in (b"{", b"[]", b'{"parts": 1}', b'{"parts":[{"type":"nope"}]}', b'{"parts":[],"messageID":"../x"}'):
        with pytest.raises(ApiError) as error:
            await world.worker.handle("session.prompt", {}, body)
        assert error.value.status == 400
    assert world.link.events == []


async def test_an_exception_ends_the_turn_not_the_worker(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("a")[:2], ZeroDivisionError("oops")])
    answer = await world.prompt()
    assert answer["info"]["error"] == {"name": "UnknownError", "data": {"message": "ZeroDivisionError: oops"}}
    assert world.open_things() == []
    assert (await world.prompt())["info"]["finish"] == "stop"


async def test_a_refused_model_call_is_an_error_answer(make_world: MakeWorld) -> None:
    world: World = await make_world([ModelFailure("api", "bad", status=400, headers={"a": "b"}, body="x", url="u")])
    answer = await world.prompt()
    assert answer["info"]["error"]["data"] == {
        "message": "bad",
        "statusCode": 400,
        "isRetryable": False,
        "responseHeaders": {"a": "b"},
        "responseBody": "x",
        "metadata": {"url": "u"},
    }
    assert world.link.types()[-7:] == ["busy", "error", "idle", "idle", "assistant done APIError", "idle", "idle"]


# -- aborts: one test per phase ---------------------------------------------------------------------------------------


async def in_model_wait(world: World) -> None:
    await world.model.called.wait()


async def in_stream(world: World) -> None:
    await world.link.seen(is_type("message.part.delta"))


async def in_tool(world: World) -> None:
    await world.scene.tool_list[0].started.wait()


async def in_permission(world: World) -> None:
    while not any(op == "ask.permission" for op, _, _ in world.link.calls):
        await trio.lowlevel.checkpoint()


async def in_retry(world: World) -> None:
    await world.link.seen(status_is("retry"))


async def never(asked: Any) -> Any:
    await trio.sleep_forever()


def busy() -> ModelFailure:
    return ModelFailure("api", "slow down", status=429, retryable=True)


PHASES: dict[str, tuple[list[Any], Reach]] = {
    "waiting for the model": ([trio.Event()], in_model_wait),
    "streaming text": ([*text("partial")[:2], trio.Event()], in_stream),
    "streaming reasoning": ([*thought("partial")[:2], trio.Event()], in_stream),
    "in a tool": ([*call("wait", {}), *finish("tool-calls")], in_tool),
    "in a tool, stream open": ([*text("a"), *call("wait", {}), trio.Event()], in_tool),
    "asking": ([*call("ask", {"text": "x"}), *finish("tool-calls")], in_permission),
    "retry wait": ([busy()], in_retry),
}


@pytest.mark.parametrize("phase", PHASES)
async def test_abort(make_world: MakeWorld, phase: str) -> None:
    script, reach = PHASES[phase]
    tool = WaitTool()
    world: World = await make_world(script, tools=[tool, AskTool()])
    if reach is in_permission:
        world.scene.rule_list = ASK
        world.link.replies["ask.permission"] = never
    answers: list[Any] = []

    async def ask() -> None:
        answers.append(await world.prompt())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await reach(world)
        before = len(world.link.events)
        world.worker.abort("test")
    after = world.link.types(before)
    assert after[:3] == ["error", "idle", "idle"]
    assert after[-3:] == ["assistant done MessageAbortedError", "idle", "idle"]
    assert answers[0]["info"]["error"]["name"] == "MessageAbortedError"
    assert "finish" not in answers[0]["info"]
    assert world.open_things() == []
    assert tool.running == 0
    assert world.idles == [1]
    assert (await world.prompt("next"))["info"]["finish"] == "stop"


async def test_abort_keeps_what_was_said(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("half a", " sentence")[:3], trio.Event()])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.prompt)
        await world.link.seen(lambda seen, p: seen == "message.part.delta" and "sentence" in p["delta"])
        world.worker.abort()
    part = next(p for p in world.link.parts.values() if p["type"] == "text" and p.get("time"))
    assert part["text"] == "half a sentence"
    assert part["time"]["end"]


async def test_abort_drops_queued_prompts(make_world: MakeWorld) -> None:
    world: World = await make_world([trio.Event()])
    answers: list[Any] = []

    async def ask(words: str) -> None:
        answers.append(await world.prompt(words))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "first")
        await world.model.called.wait()
        nursery.start_soon(ask, "second")
        while sum(info["role"] == "user" for info in world.link.infos.values()) < 2:
            await trio.lowlevel.checkpoint()
        world.worker.abort()
    assert [answer["info"]["error"]["name"] for answer in answers] == ["MessageAbortedError"] * 2
    assert answers[0]["info"]["id"] == answers[1]["info"]["id"]
    assert [info["role"] for info in world.link.infos.values()] == ["user", "assistant", "user"]
    assert len(world.model.requests) == 1


async def test_an_early_abort_is_not_lost(make_world: MakeWorld) -> None:
    """It comes while the prompt is only being stored."""
    world: World = await make_world()
    world.link.hook = lambda seen, _: world.worker.abort() if seen == "message.part.updated" else None
    answer = await world.prompt()
    assert answer["info"]["error"]["name"] == "MessageAbortedError"
    assert world.model.requests == []
    assert world.open_things() == []


async def test_the_call_after_the_signal_adds_nothing(make_world: MakeWorld) -> None:
    world: World = await make_world([trio.Event()])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.prompt)
        await world.model.called.wait()
        world.worker.abort()
        await world.worker.handle("worker.abort", {}, b"")
        count = len(world.link.events)
    assert world.link.types()[-2:] == ["idle", "idle"]
    await world.worker.handle("worker.abort", {}, b"")
    assert len(world.link.events) == count


async def test_a_tool_that_settles_ends_completed(make_world: MakeWorld) -> None:
    from oad.workers.tools.tool import ToolContext, ToolResult

    from .fakes import EchoArgs

    started = trio.Event()

    class SettlingTool(EchoTool):
        async def run(self, args: EchoArgs, context: ToolContext) -> ToolResult:
            try:
                started.set()
                await trio.sleep_forever()
            except trio.Cancelled:
                context.settle(ToolResult(title="", output="so far", metadata={}))
                raise
            raise AssertionError

    world: World = await make_world([*call("echo", {}), *finish("tool-calls")], tools=[SettlingTool()])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.prompt)
        await started.wait()
        world.worker.abort()
    (part,) = [p for p in world.link.parts.values() if p["type"] == "tool"]
    assert (part["state"]["status"], part["state"]["output"]) == ("completed", "so far")


async def test_the_end_of_the_worker_closes_the_turn(tmp_path: Path) -> None:
    world = World(tmp_path, [trio.Event()])
    async with trio.open_nursery() as nursery:
        await nursery.start(world.worker.run)
        nursery.start_soon(world.prompt)
        await world.model.called.wait()
        nursery.cancel_scope.cancel()
    assert world.open_things() == []
    assert world.link.types()[-2:] == ["idle", "idle"]


# -- the invariant ----------------------------------------------------------------------------------------------------

EVENTS = st.sampled_from(
    [
        text("some", "words"),
        thought("hm"),
        call("echo", {"text": "x"}, "c1"),
        call("wait", {"text": "x"}, "c2"),
        call("nope", {}, "c3"),
        call("echo", "{bad", "c4"),
        call("echo", {"text": 3}, "c5"),
        [ValueError("broken")],
        [ModelFailure("api", "no", status=400)],
        [ModelFailure("connect", "reset", retryable=True, retry_after_s=0.0)],
        [ModelFailure("overflow", "too long")],
        finish("stop"),
        finish("tool-calls"),
        finish("content-filter"),
    ]
)
SCRIPTS = st.lists(
    st.lists(EVENTS, max_size=4).map(lambda events: list(chain.from_iterable(events))), min_size=1, max_size=4
)


@given(scripts=SCRIPTS, abort_at=st.integers(0, 40), whole=st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_left_open(tmp_path: Path, scripts: list[list[Any]], abort_at: int, whole: bool) -> None:
    """Whatever the model does, and after whichever event the turn is aborted."""
    clock = trio.testing.MockClock(autojump_threshold=0)  # retries wait for minutes
    trio.run(_turn_and_check, tmp_path, scripts, None if whole else abort_at, clock=clock)


async def _turn_and_check(directory: Path, scripts: list[list[Any]], abort_at: int | None) -> None:
    tool = WaitTool()
    if abort_at is None:
        tool.go.set()
    world = World(directory, *scripts, tools=[EchoTool(), tool])
    fence: list[int] = []

    def hook(type: str, properties: Any) -> None:
        if abort_at is not None and len(world.link.events) >= abort_at and not fence and world.worker.busy:
            fence.append(tool.running)
            world.worker.abort()

    world.link.hook = hook

    async def stop_when_tool_runs() -> None:
        await tool.started.wait()
        if not fence and world.worker.busy:
            fence.append(tool.running)
            world.worker.abort()

    with trio.fail_after(5000):
        async with trio.open_nursery() as nursery:
            await nursery.start(world.worker.run)
            if abort_at is not None:
                nursery.start_soon(stop_when_tool_runs)
            await world.prompt()
            assert not world.worker.busy
            assert world.open_things() == []
            assert tool.running == 0
            assert world.link.types()[-2:] == ["idle", "idle"]
            nursery.cancel_scope.cancel()


def test_events_may_wait_for_the_link() -> None:
    assert step._WAITING_EVENTS >= 64
