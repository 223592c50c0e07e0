"""The ladder of an abort, as examples and as properties of every possible course."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.daemon.ladder import (
    KILL_S,
    MAX_GRACE_S,
    REPEAT_KILL_S,
    SOFT_KILL_AFTER_S,
    Ladder,
    Mode,
    Plan,
    Rung,
    Signal,
    Step,
    make_plan,
)

moments = st.floats(0, 0.3)
events = st.lists(st.tuples(st.sampled_from(["idle", "exit", "verified", "start", "wait"]), moments), max_size=30)


def test_a_worker_that_obeys() -> None:
    ladder = Ladder()
    assert ladder.start(10.0) == [Step.SIGNAL_WORKER]
    assert ladder.next_deadline == 10.0 + KILL_S
    assert ladder.on_idle(10.02) == [Step.DONE]
    receipt = ladder.receipt()
    assert (receipt.rung, receipt.survivors, receipt.worker_lost) == (Rung.ASKED, 0, False)
    assert receipt.signals == [Signal("SIGUSR1", "worker", 0.0)]
    assert round(receipt.took_ms) == 20


def test_a_command_that_had_to_be_destroyed() -> None:
    ladder = Ladder()
    ladder.start(0.0)
    ladder.on_idle(0.25, killed=3)
    assert (ladder.receipt().rung, ladder.receipt().killed) == (Rung.BROKER, 3)


def test_a_worker_that_does_not_answer() -> None:
    ladder = Ladder()
    ladder.start(0.0)
    assert ladder.step(0.5) == []
    assert ladder.step(1.0) == [Step.KILL_INIT]
    assert ladder.on_idle(1.001) == []  # too late: it is being killed
    assert ladder.step(ladder.next_deadline) == [Step.KILL_INIT]
    assert ladder.on_exit(1.26) == [Step.VERIFY]
    assert ladder.on_verified(1.27, survivors=0) == [Step.DONE]
    receipt = ladder.receipt()
    assert receipt.rung is Rung.KILLED
    assert [signal.name for signal in receipt.signals] == ["SIGUSR1", "SIGKILL", "SIGKILL"]
    assert receipt.worker_lost


def test_a_worker_that_dies_of_it() -> None:
    ladder = Ladder()
    ladder.start(0.0)
    assert ladder.on_exit(0.01) == [Step.VERIFY]
    assert ladder.on_verified(0.02, survivors=1) == [Step.DONE]
    assert ladder.receipt().survivors == 1


def test_a_soft_one_is_asked_without_a_signal_and_has_longer() -> None:
    plan = make_plan("soft", 3.0)
    ladder = Ladder(plan)
    assert ladder.start(0.0) == [Step.ASK_WORKER]
    assert ladder.next_deadline == 3.0 + SOFT_KILL_AFTER_S
    assert ladder.on_idle(2.5) == [Step.DONE]
    assert ladder.receipt().signals == [Signal("worker.abort", "worker", 0.0)]


def test_a_kill_begins_with_the_last_rung() -> None:
    ladder = Ladder(make_plan("kill"))
    assert ladder.start(0.0) == [Step.KILL_INIT]
    assert ladder.on_idle(0.001) == []
    assert ladder.on_exit(0.002) == [Step.VERIFY]
    assert ladder.on_verified(0.003, survivors=0) == [Step.DONE]
    assert ladder.receipt().rung is Rung.KILLED


def test_survivors_of_the_broker_cost_the_session() -> None:
    ladder = Ladder()
    ladder.start(0.0)
    assert ladder.on_idle(0.3, killed=4, survivors=1) == [Step.KILL_INIT]
    assert not ladder.done


def test_a_harder_request_hurries_a_softer_one() -> None:
    ladder = Ladder(make_plan("soft"))
    ladder.start(0.0)
    assert ladder.tighten(1.0, make_plan()) == [Step.SIGNAL_WORKER]
    assert ladder.next_deadline == 1.0 + KILL_S
    assert ladder.tighten(1.1, make_plan("soft")) == []  # never the other way round
    assert ladder.next_deadline == 1.0 + KILL_S
    assert ladder.tighten(1.2, make_plan("kill")) == [Step.KILL_INIT]


@pytest.mark.parametrize(
    ("mode", "grace_s", "keep"), [("soft", -0.1, False), ("term", 61, False), ("kill", 1, False), ("kill", None, True)]
)
def test_a_plan_that_makes_no_sense(mode: Mode, grace_s: float | None, keep: bool) -> None:
    with pytest.raises(ValueError, match=r"grace|kill"):
        make_plan(mode, grace_s, keep=keep)


plans = st.one_of(
    st.builds(lambda grace, keep: make_plan("soft", grace, keep=keep), st.floats(0, MAX_GRACE_S), st.booleans()),
    st.builds(lambda grace, keep: make_plan("term", grace, keep=keep), st.floats(0, MAX_GRACE_S), st.booleans()),
    st.just(make_plan("kill")),
)


@given(plans, st.lists(st.tuples(moments, plans), max_size=8))
def test_no_abort_takes_longer_than_the_hardest_request_of_it(first: Plan, more: list[tuple[float, Plan]]) -> None:
    """Without any word from the worker the first kill comes at the earliest of all deadlines, and never before."""
    ladder, now, killed = Ladder(first), 0.0, math.inf
    due = first.kill_s
    if Step.KILL_INIT in ladder.start(0.0):
        killed = 0.0
    for pause, plan in more:
        now += pause
        if ladder.next_deadline <= now:
            break
        due = min(due, now + plan.kill_s) if killed == math.inf else due
        if Step.KILL_INIT in ladder.tighten(now, plan):
            killed = min(killed, now)
    if killed == math.inf:
        killed = ladder.next_deadline
        assert ladder.step(killed) == [Step.KILL_INIT]
    assert killed == due


def play(ladder: Ladder, event: str, now: float) -> list[Step]:
    match event:
        case "idle":
            return ladder.on_idle(now)
        case "exit":
            return ladder.on_exit(now)
        case "verified":
            return ladder.on_verified(now, 0)
        case "start":
            return ladder.start(now)
        case _:
            return ladder.step(now)


@given(events)
def test_every_course(course: list[tuple[str, float]]) -> None:
    """Steps at each deadline, however events come: one signal, kills only from 1 s on and then steadily, one end."""
    ladder, now = Ladder(), 0.0
    steps = ladder.start(now)
    kills: list[float] = []
    for event, pause in course:
        until = now + pause
        while ladder.next_deadline <= until:
            now = ladder.next_deadline
            taken = ladder.step(now)
            assert taken == [Step.KILL_INIT]
            kills.append(now)
            steps += taken
        now = until
        steps += play(ladder, event, now)
        assert ladder.done == (Step.DONE in steps)
        assert not ladder.done or ladder.next_deadline == math.inf
    assert steps.count(Step.SIGNAL_WORKER) == 1
    assert steps.count(Step.DONE) <= 1
    assert steps.count(Step.VERIFY) <= 1
    assert all(at >= KILL_S for at in kills)
    assert all(later - earlier >= REPEAT_KILL_S - 1e-9 for earlier, later in pairwise(kills))
