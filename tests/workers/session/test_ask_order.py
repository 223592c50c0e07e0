import pytest
import trio
import trio.testing

from oad.workers.session.ask_order import AskOrder


async def _ask(order: AskOrder, call: str, asked: list[str]) -> None:
    await order.turn(call)
    asked.append(call)


async def test_calls_ask_in_their_order() -> None:
    order, asked = AskOrder(1000), list[str]()
    for call in "abcd":
        order.join(call)
    async with trio.open_nursery() as nursery:
        for call in "dcb":
            nursery.start_soon(_ask, order, call, asked)
        await trio.testing.wait_all_tasks_blocked()
        assert asked == []
        await _ask(order, "a", asked)
    assert asked == ["a", "b", "c", "d"]
    await _ask(order, "a", asked)  # a second question of the same call
    await _ask(order, "unknown", asked)


async def test_a_call_that_ends_without_asking_holds_up_nobody() -> None:
    order, asked = AskOrder(1000), list[str]()
    order.join("a")
    order.join("b")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, order, "b", asked)
        await trio.testing.wait_all_tasks_blocked()
        order.leave("a")
    assert asked == ["b"]


async def test_nor_does_one_that_works_before_it_asks(autojump_clock: trio.abc.Clock) -> None:
    order, asked = AskOrder(1), list[str]()
    for call in "abc":
        order.join(call)
    with trio.fail_after(1.5):
        async with trio.open_nursery() as nursery:
            for call in "cb":
                nursery.start_soon(_ask, order, call, asked)
    assert sorted(asked) == ["b", "c"]


@pytest.mark.parametrize("_", range(20))
async def test_whatever_the_scheduler_does(_: int) -> None:
    order, asked = AskOrder(1000), list[str]()
    for call in "abcd":
        order.join(call)
    async with trio.open_nursery() as nursery:
        for call in "abcd":
            nursery.start_soon(_ask, order, call, asked)
    assert asked == ["a", "b", "c", "d"]
