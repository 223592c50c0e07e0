from pathlib import Path

import trio
from live import live_daemon, until

from oad.contract.wire import Frame, Ping
from oad.daemon.pulse import Pulse


class Stub:
    def __init__(self) -> None:
        self.calls = 1
        self.heard = 0.0
        self.name = "ses_a"
        self.serving = True
        self.told: list[Frame] = []
        self.killed = False

    def tell(self, frame: Frame) -> bool:
        self.told.append(frame)
        return True

    def kill_wedged(self) -> None:
        self.killed = True


def never(_: str) -> bool:
    return False


def test_one_that_answers_is_asked_again_and_lives() -> None:
    worker, pulse = Stub(), Pulse(never)
    for now in range(10, 300, 5):
        pulse.feel(worker, now)
        worker.heard = now + 0.1
    assert worker.told == [Ping(0)] * 58
    assert not worker.killed


def test_one_that_is_silent_is_killed_once_after_a_minute() -> None:
    worker, pulse = Stub(), Pulse(never)
    for now in range(10, 70, 5):
        pulse.feel(worker, now)
    assert (worker.told, worker.killed) == ([Ping(0)], False)
    pulse.feel(worker, 70)
    assert worker.killed


def test_one_without_work_is_not_asked() -> None:
    worker, pulse = Stub(), Pulse(never)
    worker.calls = 0
    pulse.feel(worker, 10)
    pulse.feel(worker, 200)
    assert not worker.told


def test_it_does_not_help_it_that_nobody_waits_any_more() -> None:
    worker, pulse = Stub(), Pulse(never)
    pulse.feel(worker, 10)
    worker.calls = 0  # as callers have deadlines
    pulse.feel(worker, 40)
    pulse.feel(worker, 70)
    assert worker.killed


def test_one_that_leaves_is_left_alone() -> None:
    worker, pulse = Stub(), Pulse(never)
    pulse.feel(worker, 10)
    worker.serving = False
    pulse.feel(worker, 200)
    assert not worker.killed


def test_a_turn_is_work() -> None:
    worker, pulse = Stub(), Pulse(lambda name: name == "ses_a")
    worker.calls = 0
    pulse.feel(worker, 10)
    assert worker.told == [Ping(0)]


async def test_a_wedged_worker_costs_its_turn_alone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live, trio.open_nursery() as nursery:
        await live.session()
        _, answers = await live.begin(nursery)
        watched = live.supervisor.session_worker("ses_a")
        assert watched is not None
        felt, now = Pulse(live.turns.busy), trio.current_time()
        felt.feel(watched, now + 1)
        felt.feel(watched, now + 62)  # it had no time to answer
        await until(lambda: bool(answers))
        assert live.open_things() == []
        assert watched.gone.is_set()
