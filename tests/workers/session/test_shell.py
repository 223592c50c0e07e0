"""Commands that the user runs."""

from typing import Any

import pytest
import trio
import trio.testing

from oad.contract.errors import ApiError

from .conftest import MakeWorld
from .fakes import World, finish, text


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
