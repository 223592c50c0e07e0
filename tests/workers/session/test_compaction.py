"""Summaries, and what is forgotten."""

import msgspec
import pytest
import trio
import trio.testing

from oad.contract.catalogue import Limit
from oad.contract.errors import ApiError
from oad.contract.session import CacheTokens, Tokens
from oad.workers.providers.model import ModelFailure
from oad.workers.session.compaction import usable_context

from .conftest import MakeWorld
from .fakes import Compacting, World, call, finish, make_model, text, texts_sent, tool_parts

HUGE = Tokens(input=250_000, output=50, reasoning=0, cache=CacheTokens(read=0, write=0), total=250_050)


@pytest.mark.parametrize(
    ("limit", "reserved", "usable"),
    [
        (Limit(context=200_000, output=8192), None, 191_808),
        (Limit(context=200_000, output=0), 10_000, 190_000),
        (Limit(context=9000, output=0), None, 4500),  # 32,000 are reserved for an output without a limit
        (Limit(context=9000, input=8000, output=0), None, 4000),
        (Limit(context=0, input=100_000, output=8192), 0, 100_000),
    ],
)
def test_what_may_be_used_of_a_context(limit: Limit, reserved: int | None, usable: int) -> None:
    model = msgspec.structs.replace(make_model(), limit=limit)
    assert usable_context(model, Compacting(reserved=reserved)) == usable


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


async def test_the_last_turns_are_kept_beside_the_summary(make_world: MakeWorld) -> None:
    world: World = await make_world(
        [*text("a" * 9000), *finish()],
        [*text("two"), *finish()],
        [*text("the summary"), *finish()],
        [*text("three"), *finish()],
    )
    world.scene.compaction.preserve_recent_tokens = 500
    await world.prompt("first")
    await world.prompt("second")
    await world.do("summarize", {"providerID": "fake", "modelID": "fake-1"})
    assert "second" not in texts_sent(world, 2)[0]
    await world.prompt("third")
    assert texts_sent(world, 3) == ["What did we do so far?", "the summary", "second", "two", "third"]
    (part,) = [part for part in world.link.parts.values() if part["type"] == "compaction"]
    assert world.link.infos[part["tail_start_id"]]["role"] == "user"
