"""The life of a worker, as examples and as properties of every possible course."""

import math

from hypothesis import given
from hypothesis import strategies as st

from oad.daemon.lifecycle import DRAIN_S, HELLO_S, Action, End, Lifecycle, State


def serving() -> Lifecycle:
    life = Lifecycle()
    assert life.start() == [Action.SPAWN]
    assert life.on_spawned(0.0) == []
    assert life.on_hello() == [Action.ADMIT]
    return life


def test_a_good_life() -> None:
    life = serving()
    assert life.next_deadline == math.inf
    assert life.drain(5.0) == [Action.REFUSE, Action.DRAIN]
    assert life.on_exit(0) == [Action.REAP]
    assert life.on_reaped() == [Action.REPORT]
    assert (life.state, life.end, life.abnormal) == (State.ENDED, End.CLEAN, False)


def test_a_crash() -> None:
    life = serving()
    assert life.on_exit(139) == [Action.REFUSE, Action.REAP]
    life.on_reaped()
    assert (life.end, life.status, life.abnormal) == (End.CRASHED, 139, True)


def test_an_exit_that_nobody_asked_for_is_a_crash_even_with_status_0() -> None:
    life = serving()
    life.on_exit(0)
    assert life.end is End.CRASHED


def test_no_hello() -> None:
    life = Lifecycle()
    life.start()
    life.on_spawned(1.0)
    assert life.step(HELLO_S) == []
    assert life.step(1.0 + HELLO_S) == [Action.KILL]
    life.on_exit(-9)
    assert life.end is End.NO_HELLO


def test_a_drain_that_takes_too_long() -> None:
    life = serving()
    life.drain(0.0)
    assert life.step(DRAIN_S) == [Action.KILL]
    assert life.step(life.next_deadline) == [Action.KILL]
    life.on_exit(-9)
    assert life.end is End.KILLED


def test_killed_while_being_born() -> None:
    life = Lifecycle()
    life.start()
    assert life.kill(0.0) == []
    assert life.on_spawned(0.1) == [Action.KILL]
    assert life.on_hello() == []
    life.on_exit(-9)
    assert life.on_reaped() == [Action.REPORT]
    assert life.end is End.KILLED


def test_never_started() -> None:
    life = Lifecycle()
    life.start()
    assert life.on_spawn_failed() == [Action.REPORT]
    assert life.abnormal


calls = st.lists(
    st.sampled_from(["start", "spawned", "failed", "hello", "drain", "kill", "exit", "reaped", "step", "late"]),
    max_size=40,
)


@given(calls)
def test_every_course(course: list[str]) -> None:
    """Admitted at most once and refused after that, reported once and silent after that, never killed unborn."""
    life, actions, born = Lifecycle(), [], False
    for name in course:
        ended = life.state is State.ENDED
        # Only what can happen: an exit needs a process, a second birth does not occur.
        if name in ("exit", "hello") and not born:
            continue
        if name in ("spawned", "failed") and (born or Action.SPAWN not in actions):
            continue
        born |= name == "spawned"
        new = {
            "start": life.start,
            "spawned": lambda: life.on_spawned(0.0),
            "failed": life.on_spawn_failed,
            "hello": life.on_hello,
            "drain": lambda: life.drain(0.0),
            "kill": lambda: life.kill(0.0),
            "exit": lambda: life.on_exit(1),
            "reaped": life.on_reaped,
            "step": lambda: life.step(life.next_deadline if life.next_deadline < math.inf else 0.0),
            "late": lambda: life.step(1e6),
        }[name]()
        assert not (ended and new)
        assert born or Action.KILL not in new
        actions += new
    assert actions.count(Action.REPORT) == (life.state is State.ENDED)
    assert actions.count(Action.ADMIT) <= 1
    assert actions.count(Action.REFUSE) <= actions.count(Action.ADMIT)
    assert (life.end is not None) or life.state not in (State.REAPING, State.ENDED)
    if life.state in (State.ENDED, State.NEW, State.REAPING):
        assert life.next_deadline == math.inf
