import socket
from pathlib import Path

import pytest
import trio
from live import live_daemon, until

from oad.contract.errors import ApiError
from oad.daemon.draining import Draining
from oad.service_manager import ServiceManager

NOBODY = ServiceManager()


async def test_a_running_turn_may_end_and_nothing_new_begins(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, drain_s=60.0) as live, trio.open_nursery() as nursery:
        await live.session()
        await live.session("ses_b")
        worker, answers = await live.begin(nursery)
        services = live.services
        ended = trio.Event()

        async def drain() -> None:
            await services.draining.run(live.supervisor, live.turns, NOBODY)
            ended.set()

        nursery.start_soon(drain)
        await until(lambda: services.draining.has_begun)
        assert services.draining.describe().startswith("draining: 1 turn may end within ")
        for session in ("ses_a", "ses_b"):
            with pytest.raises(ApiError) as refused:
                await live.ask("session.prompt", {}, sessionID=session)
            assert refused.value.status == 503
            assert int(refused.value.headers["retry-after"]) == 11
        with pytest.raises(ApiError) as refused:
            await live.ask("oad.ready")
        assert refused.value.status == 503
        assert await live.json("session.get", sessionID="ses_a")  # looking is not work
        assert not ended.is_set()
        worker.finish.set()
        await ended.wait()
        assert answers[0].status == 200


async def test_after_the_time_it_waits_no_longer(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        await live.begin(nursery)
        drain = Draining(0.2)
        await drain.run(live.supervisor, live.turns, NOBODY)
        assert drain.describe() == "draining: 1 turn may end within 0 s"
        nursery.cancel_scope.cancel()


async def test_without_a_time_or_a_turn_it_waits_for_nothing(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        with trio.fail_after(5):
            await Draining(3600.0).run(live.supervisor, live.turns, NOBODY)
        await live.session()
        await live.begin(nursery)
        with trio.fail_after(5):
            await Draining().run(live.supervisor, live.turns, NOBODY)
        nursery.cancel_scope.cancel()


async def test_a_subagent_of_a_running_turn_may_begin(tmp_path: Path) -> None:
    async with live_daemon(tmp_path, drain_s=60.0) as live, trio.open_nursery() as nursery:
        await live.session()
        worker, _ = await live.begin(nursery)
        nursery.start_soon(live.services.draining.run, live.supervisor, live.turns, NOBODY)
        await until(lambda: live.services.draining.has_begun)
        await live.session("ses_b", parent_id="ses_a")
        nursery.start_soon(worker.peer.call, "session.prompt", {"sessionID": "ses_b"}, b"{}")
        await until(lambda: live.turns.busy("ses_b"))
        nursery.cancel_scope.cancel()


async def test_the_manager_is_told_to_wait(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
            await live.session()
            await live.begin(nursery)
            await Draining(0.2).run(live.supervisor, live.turns, ServiceManager(str(tmp_path / "notify")))
            said = receiver.recv(4096).decode().splitlines()
            assert said[0] == "STOPPING=1"
            assert "draining: 1 turn may" in said[1]
            assert said[2] == "EXTEND_TIMEOUT_USEC=20000000"
            nursery.cancel_scope.cancel()
