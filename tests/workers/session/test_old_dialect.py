"""Older clients name model and mode at the top of the body and read the message at the top of the answer."""

import pytest

from oad.contract.errors import ApiError

from .conftest import MakeWorld
from .fakes import World, finish, text

PARTS = [{"type": "text", "text": "hi"}]


async def test_the_answer_is_flat_too(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("x"), *finish()])
    old = {"providerID": "fake", "modelID": "fake-1", "mode": "plan"}
    answer = await world.do("prompt", {"parts": PARTS, **old})
    assert answer["info"]["agent"] == "plan"
    assert {key: answer[key] for key in answer["info"]} == answer["info"]
    assert {part["type"] for part in answer["parts"]} >= {"text"}


async def test_the_newer_dialect_wins_and_is_answered_as_ever(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("x"), *finish()], [*text("y"), *finish()])
    answer = await world.do("prompt", {"parts": PARTS, "mode": "plan"})
    assert set(answer) == {"info", "parts"}
    assert answer["info"]["agent"] == "build"
    mixed = {"providerID": "fake", "modelID": "fake-1", "mode": "plan", "agent": "build"}
    assert (await world.do("prompt", {"parts": PARTS, **mixed}))["info"]["agent"] == "build"


async def test_a_wrong_type_is_refused(make_world: MakeWorld) -> None:
    world: World = await make_world()
    with pytest.raises(ApiError) as refused:
        await world.do("prompt", {"parts": PARTS, "providerID": 5, "modelID": "fake-1"})
    assert refused.value.status == 400
