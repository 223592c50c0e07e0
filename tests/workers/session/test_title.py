"""Titles made beside the turn."""

from typing import Any

import trio
import trio.testing

from .conftest import MakeWorld
from .fakes import World, finish, text

DEFAULT_TITLE = "New session - 2026-11-20T08:48:14.715Z"


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
