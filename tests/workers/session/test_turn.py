"""Prompts that come at any moment of a turn."""

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oad.workers.session import conversation

from .conftest import MakeWorld
from .fakes import EchoTool, World, call, finish, text

STEP = [*call("echo", {"text": "x"}), *finish("tool-calls")]
LAST = [*text("done"), *finish()]


@given(
    prompts=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    scripts=st.lists(st.sampled_from([STEP, LAST]), max_size=5),
    abort=st.none() | st.integers(0, 60),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_prompt_is_answered_once(
    tmp_path: Path, prompts: list[int], scripts: list[Any], abort: int | None
) -> None:
    """The n-th prompt comes when so many events were seen; an abort too. Nobody waits for ever, nothing stays open."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(_play, World(tmp_path, *scripts, tools=[EchoTool()]), prompts, abort, clock=clock)


async def _play(world: World, prompts: list[int], abort: int | None) -> None:
    answers: list[Any] = []

    async def ask(number: int, at: int) -> None:
        await world.link.counted(at)
        answers.append(await world.prompt(f"p{number}"))

    async def stop(at: int) -> None:
        await world.link.counted(at)
        await world.worker.handle("worker.abort", {}, b"")
        assert world.open_things() == [] or world.worker.busy

    with trio.fail_after(1000):
        async with trio.open_nursery() as nursery:
            await nursery.start(world.worker.run)
            async with trio.open_nursery() as clients:
                for number, at in enumerate(prompts):
                    clients.start_soon(ask, number, at)
                if abort is not None:
                    clients.start_soon(stop, abort)
            nursery.cancel_scope.cancel()
    assert len(answers) == len(prompts)
    assert world.open_things() == []
    assert world.link.types()[-2:] == ["idle", "idle"]
    assert not world.worker.busy
    order = list(world.link.infos.values())
    last_user = max(i for i, info in enumerate(order) if info["role"] == "user")
    if abort is None:  # an abort drops what is queued; else the newest message is an answer
        assert last_user < len(order) - 1
        assert "error" not in order[-1]
    assert len(world.idles) == len(set(world.idles))


async def test_an_answer_sorts_after_its_prompt_within_a_millisecond(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "now_ms", lambda: 1_700_000_000_000)
    world = await make_world(LAST)
    answer = await world.prompt("hello", messageID="msg_zzzzzz")
    asked = world.link.infos["msg_zzzzzz"]
    assert answer["info"]["time"]["created"] > asked["time"]["created"]


async def test_a_prompt_is_accepted_when_all_of_it_is_said(make_world: MakeWorld) -> None:
    world = await make_world(LAST)
    await world.prompt("hello")
    events = [(type, plain.get("accepted", False)) for type, plain, _ in world.link.events]
    accepted = events.index(("session.patched", True))
    assert [type for type, _ in events[:accepted]][-2:] == ["message.updated", "message.part.updated"]
    assert events.count(("session.patched", True)) == 1
