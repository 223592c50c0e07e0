import json
from typing import Any

import pytest
import trio

from oad.contract.catalogue import Agent
from oad.contract.errors import not_found
from oad.contract.message import ModelReference
from oad.workers.tools.task import TaskArgs, TaskTool, describe
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder

general = Agent(name="general", mode="subagent", permission=[], options={}, description="Does things.")
task = TaskTool()


def session(id: str, parent: str = "ses_1") -> bytes:
    fields = {"id": id, "slug": "s", "projectID": "p", "directory": "/d", "title": "t", "version": "1"}
    return json.dumps({**fields, "parentID": parent, "time": {"created": 1, "updated": 1}}).encode()


def message(*texts: str, **info: Any) -> bytes:
    ids = {"id": "x_1", "sessionID": "ses_2", "messageID": "msg_9"}
    zero = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    head = {
        **ids,
        "role": "assistant",
        "parentID": "msg_8",
        "time": {"created": 1},
        "modelID": "m",
        "providerID": "p",
        "mode": "general",
        "agent": "general",
        "path": {"cwd": "/", "root": "/"},
        "cost": 0,
        "tokens": zero,
        **info,
    }
    return json.dumps({"info": head, "parts": [{**ids, "type": "text", "text": each} for each in texts]}).encode()


def args(**changes: str) -> TaskArgs:
    return TaskArgs(**{"description": "look around", "prompt": "find it", "subagent_type": "general", **changes})


@pytest.fixture
def prepared(recorder: Recorder) -> Recorder:
    recorder.services |= {"subagents": [general], "model": ModelReference(provider_id="fake", model_id="fake-1")}
    recorder.answers["session.create"] = lambda body: session("ses_2")
    recorder.answers["session.prompt"] = lambda body: message("first", "result")
    recorder.answers["session.abort"] = lambda body: b"true"
    return recorder


async def test_child_works_and_reports(prepared: Recorder) -> None:
    result = await task.run(args(), prepared.context())
    assert result.title == "look around"
    assert result.output == '<task id="ses_2" state="completed">\n<task_result>\nresult\n</task_result>\n</task>'
    model = {"modelID": "fake-1", "providerID": "fake"}
    metadata = {"parentSessionId": "ses_1", "sessionId": "ses_2", "model": model}
    assert result.metadata == {**metadata, "truncated": False}
    assert prepared.progress == [("look around", metadata)]
    expected = {"description": "look around", "subagent_type": "general"}
    assert prepared.asked == [("task", ["general"], ["*"], expected)]
    (create, prompt) = prepared.calls
    assert create[:2] == ("session.create", {"directory": f"{prepared.root}/proj"})
    assert json.loads(create[2]) == {
        "parentID": "ses_1",
        "title": "look around (@general subagent)",
        "agent": "general",
        "permission": [{"permission": "task", "pattern": "*", "action": "deny"}],
        "sandbox": {"profile": "full"},  # its caller's
    }
    assert prompt[:2] == ("session.prompt", {"sessionID": "ses_2"})
    sent = json.loads(prompt[2])
    assert (sent["agent"], sent["parts"][0]["text"]) == ("general", "find it")


async def test_unknown_agent_and_failed_child(prepared: Recorder) -> None:
    with pytest.raises(ToolFailed, match="Unknown agent type: nope is not a valid agent type"):
        await task.run(args(subagent_type="nope"), prepared.context())
    failure = {"name": "APIError", "data": {"message": "no credit"}}
    prepared.answers["session.prompt"] = lambda body: message("part", error=failure)
    with pytest.raises(ToolFailed, match="ses_2 failed: no credit"):
        await task.run(args(), prepared.context())


async def test_resumes_only_tasks_of_its_own(prepared: Recorder) -> None:
    prepared.answers["session.get"] = lambda body: session("ses_7")
    assert 'id="ses_7"' in (await task.run(args(task_id="ses_7"), prepared.context())).output
    prepared.answers["session.get"] = lambda body: session("ses_7", parent="ses_else")
    with pytest.raises(ToolFailed, match="of this session"):
        await task.run(args(task_id="ses_7"), prepared.context())

    def missing(body: bytes) -> bytes:
        raise not_found("no")

    prepared.answers["session.get"] = missing
    with pytest.raises(ToolFailed, match="no task"):
        await task.run(args(task_id="ses_8"), prepared.context())


async def test_cancellation_stops_the_child(prepared: Recorder) -> None:
    started = trio.Event()

    async def call(op: str, params: dict[str, str], body: bytes) -> bytes:
        prepared.calls.append((op, params, body))
        if op == "session.prompt":
            started.set()
            await trio.sleep_forever()
        return prepared.answers[op](body)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(task.run, args(), prepared.context(call=call))
        await started.wait()
        nursery.cancel_scope.cancel()
    assert prepared.calls[-1] == ("session.abort", {"sessionID": "ses_2"}, b"")


def test_description_lists_agents() -> None:
    assert describe([general]).endswith("Agents:\n- general: Does things.")


@pytest.mark.parametrize(("depth", "deepest", "told"), [(1, None, 1), (0, 0, 0), (2, 2, 2)])
async def test_tasks_are_not_nested_deeper_than_allowed(
    prepared: Recorder, depth: int, deepest: int | None, told: int
) -> None:
    prepared.services |= {"depth": depth, "subagent_depth": deepest}
    with pytest.raises(ToolFailed, match=rf"depth limit reached \({told}\)"):
        await task.run(args(), prepared.context())


@pytest.mark.parametrize(("deepest", "denied"), [(None, True), (1, True), (2, False)])
async def test_a_child_may_give_tasks_where_that_is_not_too_deep(
    prepared: Recorder, deepest: int | None, denied: bool
) -> None:
    wanted: list[dict[str, Any]] = []

    def create(body: bytes) -> bytes:
        wanted.append(json.loads(body))
        return session("ses_2")

    prepared.answers["session.create"] = create
    prepared.services["subagent_depth"] = deepest
    await task.run(args(), prepared.context())
    assert bool(wanted[0].get("permission")) is denied
