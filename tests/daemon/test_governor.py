"""What the governor does to sessions; what it sees of their processes is made up here, and real in tests/e2e."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from live import Answer, Call, LinkWorker, Live, live_daemon, until, wedged
from records import a_permission

from oad.contract.limits import SessionLimits
from oad.contract.permission import PermissionRequest
from oad.daemon import governor as module
from oad.daemon.governor import Governor, tasks_of_host
from oad.daemon.grouping import GroupingSpawner
from oad.daemon.journal import Place
from oad.daemon.process_usage import CallUse, TreeUse
from oad.daemon.procs import Process
from oad.daemon.worker import Worker


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of these tests are tasks: their process numbers are other processes'."""
    monkeypatch.setattr(module.process_usage, "measure", lambda *_, **__: TreeUse((), 0, 0))


async def obey(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    worker.finish.set()
    await trio.lowlevel.checkpoint()
    return Answer(b"true")


def governor_of(live: Live) -> Governor:
    limits = live.keeper.limits
    groups = GroupingSpawner(live.spawner, None, limits)
    return Governor(limits, live.supervisor, live.sessions, live.turns, live.asks, groups)


async def in_a_turn(live: Live, nursery: trio.Nursery, *, operation: Any = obey, **limits: Any) -> LinkWorker:
    live.spawner.operations["worker.limit"] = operation
    await live.session(limits=SessionLimits(**limits))
    worker, _ = await live.begin(nursery)
    await until(lambda: live.turns.busy("ses_a"))
    return worker


async def test_a_turn_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        worker = await in_a_turn(live, nursery, turn_s=0.05)
        nursery.start_soon(governor_of(live).run)
        await until(worker.finish.is_set)
        await until(lambda: bool(live.of_type("session.limit")))
        (told,) = live.of_type("session.limit")
        assert (told["limit"], told["value"], told["action"]) == ("turnS", 0.05, "turn")
        assert told["peak"] > 0.05
        nursery.cancel_scope.cancel()


async def test_a_worker_that_does_not_obey_is_ended_with_the_same_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STOP_TURN_S", 0.05)
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await in_a_turn(live, nursery, operation=wedged, turn_s=0.05)
        nursery.start_soon(governor_of(live).run)
        await until(lambda: not live.supervisor.live())
        await live.journal.settled()
        assert [told["action"] for told in live.of_type("session.limit")] == ["turn", "session"]
        assert live.of_type("session.error")[-1]["error"]["name"] == "LimitError"
        nursery.cancel_scope.cancel()


async def test_the_clock_stands_while_a_person_is_asked(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await in_a_turn(live, nursery, turn_s=1)
        governor = governor_of(live)
        governor.look(trio.current_time())
        now = trio.current_time()
        governor.look(now + 0.6)
        asked = msgspec.convert(msgspec.to_builtins(a_permission()), PermissionRequest)
        live.asks.ask_permission(asked, ["x"], Place("/p", "global", "ses_a"), lambda _: None)
        assert governor.look(now + 60) == []
        live.asks.drop("ses_a")
        assert governor.look(now + 60.1) == []
        found = governor.look(now + 61)
        assert [breach.hit.limit for _, breach in found] == ["turnS"]
        nursery.cancel_scope.cancel()


async def test_the_next_turn_owes_nothing_for_the_one_before(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        worker = await in_a_turn(live, nursery, turn_s=1)
        governor, now = governor_of(live), trio.current_time()
        assert [governor.look(now + passed) for passed in (0, 0.9)] == [[], []]
        worker.finish.set()
        await until(lambda: not live.turns.busy("ses_a"))
        worker.finish = trio.Event()
        await live.begin(nursery)  # before anybody has looked
        await until(lambda: live.turns.busy("ses_a"))
        assert [governor.look(now + passed) for passed in (1.8, 2.7)] == [[], []]
        assert [breach.hit.limit for _, breach in governor.look(now + 2.9)] == ["turnS"]
        nursery.cancel_scope.cancel()


async def test_a_large_worker_loses_its_turn_and_an_idle_one_its_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.process_usage, "measure", lambda *_, **__: TreeUse((), 300 * 1024, 0))
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        worker = await in_a_turn(live, nursery, memory_mb=200)
        nursery.start_soon(governor_of(live).run)
        await until(worker.finish.is_set)
        await until(lambda: not live.supervisor.live())  # its turn is over, and it is as large as before
        assert [told["action"] for told in live.of_type("session.limit")] == ["turn", "session"]
        nursery.cancel_scope.cancel()


async def test_the_groups_that_commands_begin_are_made_lighter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = CallUse(Process(1, 1), (2,), 1, 0, 0, cut=False, leaders=(Process(2, 5),))
    monkeypatch.setattr(module.process_usage, "measure", lambda *_, **__: TreeUse((call,), 0, 0))
    lowered: list[Any] = []
    monkeypatch.setattr(module.Autogroups, "lower", lambda _, leaders, priority: lowered.append((leaders, priority)))
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await in_a_turn(live, nursery)
        governor_of(live).look(trio.current_time())
        assert lowered == [((Process(2, 5),), "low")]  # the policy's, by way of the worker's spec
        nursery.cancel_scope.cancel()


async def test_other_sessions_are_left_alone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await in_a_turn(live, nursery, turn_s=0.05)
        await live.session("ses_b")
        other, _ = await live.begin(nursery, "ses_b")
        nursery.start_soon(governor_of(live).run)
        await until(lambda: bool(live.of_type("session.limit")))
        assert not other.finish.is_set()
        other.finish.set()
        nursery.cancel_scope.cancel()


async def test_who_looks_at_nobody(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        assert governor_of(live).look(0) == []
        assert tasks_of_host() > 1
        assert list[Worker](live.supervisor.live()) == []
