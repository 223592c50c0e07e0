from types import SimpleNamespace
from typing import cast

import trio
from trio.testing import wait_all_tasks_blocked

from oad.daemon.listeners import Listeners
from oad.daemon.operations.context import Request, Services
from oad.daemon.operations.listening import tell_listening


async def test_told_when_it_is_otherwise() -> None:
    listeners = Listeners()
    services = cast("Services", SimpleNamespace(listeners=listeners))
    answers: list[bytes] = []

    async def ask(heard: str) -> None:
        answers.append((await tell_listening(Request("", {"heard": heard}, b"", services, caller="/p"))).body)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "false")
        await wait_all_tasks_blocked()
        listeners.report(b"1", {"/other": 1})
        await wait_all_tasks_blocked()
        assert answers == []
        listeners.report(b"1", {"": 1})
    assert answers == [b"true"]
    await ask("false")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "true")
        await wait_all_tasks_blocked()
        assert answers == [b"true", b"true"]
        listeners.forget(b"1")
    assert answers == [b"true", b"true", b"false"]
