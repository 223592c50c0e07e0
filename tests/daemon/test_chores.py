"""Work that goes on after its request."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from oad.daemon.chores import Chores


@asynccontextmanager
async def running() -> AsyncGenerator[Chores]:
    chores = Chores()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chores.run)
        await wait_all_tasks_blocked()
        yield chores
        nursery.cancel_scope.cancel()


async def test_given_up_by_its_key_alone() -> None:
    ended: list[str] = []

    async def last(name: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(name)

    async with running() as chores:
        for key, name in (("a", "1"), ("a", "2"), ("b", "3")):
            chores.start(key, lambda name=name: last(name))  # type: ignore[misc]
        await wait_all_tasks_blocked()
        await chores.give_up("a")
        assert sorted(ended) == ["1", "2"]
        await chores.give_up("unknown")
    assert sorted(ended) == ["1", "2", "3"]


async def test_one_that_fails_is_logged_and_others_go_on() -> None:
    done: list[str] = []

    async def fail() -> None:
        raise ValueError("no luck")

    async def succeed() -> None:
        done.append("it")

    with capture_logs() as logs:
        async with running() as chores:
            chores.start("a", fail)
            await wait_all_tasks_blocked()
            chores.start("a", succeed)
            await wait_all_tasks_blocked()
    assert done == ["it"]
    assert [line["chore"] for line in logs] == ["a"]
