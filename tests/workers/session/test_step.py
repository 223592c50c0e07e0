"""Model calls that fail, and what is done about it."""

import trio
import trio.testing

from oad.workers.providers.model import ModelFailure

from .conftest import MakeWorld
from .fakes import World, call, finish, text, texts_sent, tool_parts


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


async def test_the_text_of_the_last_try_is_kept(make_world: MakeWorld, autojump_clock: trio.testing.MockClock) -> None:
    died = ModelFailure("connect", "Connection reset by server", retryable=True)
    world: World = await make_world(*[[*text("cut off")[:2], died]] * 6)
    answer = await world.prompt()
    texts = [part for part in answer["parts"] if part["type"] == "text"]
    assert [part["text"] for part in texts] == ["", "", "", "", "", "cut off"]
    assert texts[-1]["time"]["end"]


async def test_text_before_calls_that_ran_is_kept(
    make_world: MakeWorld, autojump_clock: trio.testing.MockClock
) -> None:
    died = ModelFailure("connect", "Connection reset by server", retryable=True)
    world: World = await make_world([*text("look")[:2], *call("echo", {"text": "x"}), died], [*text("end"), *finish()])
    await world.prompt()
    assert texts_sent(world, 1)[-1] == "look"
