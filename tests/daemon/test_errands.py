"""Single requests to workers of directories."""

from pathlib import Path

import pytest
import trio
from live import LinkWorker, live_daemon

from oad.contract.errors import ApiError, named
from oad.contract.wire import Call
from oad.daemon.errands import ask_directory, ask_special
from oad.link import Answer


async def die(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    worker.exit(1)
    await trio.sleep_forever()
    raise AssertionError


async def refuse(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    await trio.lowlevel.checkpoint()
    raise named(400, "NoError", message=f"not {body.decode()}")


async def test_not_asked_again_when_the_worker_dies_over_it(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        live.spawner.operations["x.die"] = die
        with pytest.raises(ApiError) as failure:
            await ask_directory(live.supervisor, "/p", "x.die")
        assert failure.value.status == 503
        assert [child.calls for child in live.spawner.children] == [["x.die"]]


async def test_a_special_worker_ends_with_its_answer_whatever_that_is(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        live.spawner.operations["x.refuse"] = refuse
        with pytest.raises(ApiError, match="not this"):
            await ask_special(live.supervisor, "one", "/p", [str(tmp_path)], "x.refuse", b"this")
        (worker,) = live.spawner.children
        assert worker.spec.writable == [str(tmp_path)]
        assert live.supervisor.live() == []
