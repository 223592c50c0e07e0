"""Requests for clients that fetch them one by one."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from oad.daemon.control_queue import ATTENDED_S, MOST, ControlQueue, ControlQueues


async def fetch(queue: ControlQueue, into: list[bytes]) -> None:
    into.append(await queue.take())


async def test_those_who_wait_are_served_in_the_order_of_their_coming() -> None:
    queue, first, second = ControlQueue(), list[bytes](), list[bytes]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch, queue, first)
        await wait_all_tasks_blocked()
        nursery.start_soon(fetch, queue, second)
        await wait_all_tasks_blocked()
        queue.put(b"1")
        await wait_all_tasks_blocked()
        assert (first, second) == ([b"1"], [])
        queue.put(b"2")
    assert second == [b"2"]


async def test_one_who_leaves_takes_nothing_along() -> None:
    queue, found = ControlQueue(), list[bytes]()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.take)
            await wait_all_tasks_blocked()
            scope.cancel()
            queue.put(b"1")
    await fetch(queue, found)
    assert found == [b"1"]


async def test_what_comes_between_two_fetches_is_kept(autojump_clock: MockClock) -> None:
    queue = ControlQueue()
    with trio.move_on_after(1):
        await queue.take()
    for number in range(MOST + 1):
        queue.put(b"%d" % number)
    assert await queue.take() == b"1"  # the oldest one made room


async def test_nothing_is_kept_where_nobody_fetches(autojump_clock: MockClock) -> None:
    queues = ControlQueues()
    queues.put("/p", b"early")
    with trio.move_on_after(1) as nothing:
        await queues.take("/p")
    assert nothing.cancelled_caught
    await trio.sleep(ATTENDED_S)
    queues.put("/p", b"late")
    with trio.move_on_after(1) as nothing:
        await queues.take("/p")
    assert nothing.cancelled_caught


async def test_a_client_that_comes_back_late_is_not_given_what_is_old(autojump_clock: MockClock) -> None:
    queue = ControlQueue()
    with trio.move_on_after(1):
        await queue.take()
    queue.put(b"old")
    await trio.sleep(ATTENDED_S + 1)
    with trio.move_on_after(1) as nothing:
        await queue.take()
    assert nothing.cancelled_caught


async def test_directories_are_apart(autojump_clock: MockClock) -> None:
    queues, found = ControlQueues(), list[bytes]()

    async def fetch_one() -> None:
        found.append(await queues.take("/p"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch_one)
        await wait_all_tasks_blocked()
        queues.put("/q", b"for another")
        queues.put("/p", b"for me")
    assert found == [b"for me"]
