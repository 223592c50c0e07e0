import pytest

from oad.cli.monitor.picture import State, draw
from oad.cli.monitor.table import ORDERS

from .samples import NOW_MS, activity, process, session


def texts(state: State, width: int = 80, height: int = 24) -> list[str]:
    lines = draw(state, width, height)
    assert len(lines) <= height
    assert all(len(line.text) <= width for line in lines)
    return [line.text for line in lines]


def shown() -> State:
    state = State("http://x:1")
    state.take(activity(session(1, state="running", busy_s=2.0), session(2), processes=[process(10, 1, "daemon")]))
    return state


def test_the_screen_is_full_and_tells_all() -> None:
    found = texts(shown())
    assert len(found) == 24
    assert found[0].startswith("oad 1.2  http://x:1  up 1m30s")
    assert found[1] == "sessions: 1 running  1 idle  7 stored"
    assert found[2] == "processes: 1  cpu -% of 200%  memory 1.0M"
    assert found[3].startswith("STATE")
    assert found[4].startswith("running")
    assert found[-1].startswith("q quit")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (10, 3), (1, 1), (200, 5), (80, 2)])
def test_any_size_will_do(width: int, height: int) -> None:
    state = shown()
    texts(state, width, height)
    texts(State("http://x:1"), width, height)


def test_loads_are_of_what_is_in_both_looks() -> None:
    state = shown()
    later = [process(10, 1, "daemon", cpu_s=1.5), process(11, 1, "gateway", cpu_s=100.0)]
    state.take(activity(session(1), processes=later, time=NOW_MS + 2000))
    assert texts(state)[2].startswith("processes: 2  cpu 50.0% of 200%")


def test_a_daemon_that_was_restarted_counts_anew() -> None:
    state = shown()
    later = activity(session(1, cpu_s=0.0), time=NOW_MS + 2000)
    later.started = NOW_MS
    state.take(later)
    assert state.before is None


def test_moving_stays_in_the_table() -> None:
    state = shown()
    for by, number in ((1, 1), (1, 2), (1, 2), (-1, 1), (-5, 1), (10, 2)):
        state.move(by)
        assert state.chosen == session(number).id
    State("http://x:1").move(1)


def test_the_chosen_row_is_always_shown() -> None:
    state = State("http://x:1", order=ORDERS[4])
    state.take(activity(*(session(number, created=NOW_MS - number) for number in range(1, 100))))
    for _ in range(60):
        state.move(1)
    (chosen,) = [line for line in draw(state, 130, 12) if line.style == "chosen"]
    assert session(60).id in chosen.text


def test_processes_stand_below_their_session() -> None:
    state = shown()
    assert state.now is not None
    state.now.processes.append(process(12, 10, "command", session=session(1).id, command="sleep\x1b 5"))
    state.processes = True
    state.move(1)
    assert "12 command" in texts(state)[5]
    assert texts(state)[5].endswith("sleep  5")


def test_the_last_line_is_for_what_matters_most() -> None:
    state = shown()
    state.message = "done"
    assert texts(state)[-1] == "done"
    state.problem = "refused"
    assert texts(state)[-1] == "trying again: refused"
    state.asking = session(1).id
    assert texts(state)[-1].startswith(f"abort {session(1).id}? y/n")
    assert texts(state, 80, 3)[-1].startswith("abort")
