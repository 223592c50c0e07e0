"""The restart budget."""

from hypothesis import given
from hypothesis import strategies as st

from oad.daemon.restart import GIVE_UP_EXITS, RECYCLE_EXITS, SESSION_EXITS, Alarm, RestartBudget, Verdict


def test_back_off_and_failure() -> None:
    budget = RestartBudget()
    decisions = [budget.on_abnormal_exit("a", now, 0.0) for now in (0.0, 1.0, 2.0, 3.0)]
    assert [decision.after_s for decision in decisions[:3]] == [0.0, 0.5, 2.0]
    assert [decision.verdict for decision in decisions] == [Verdict.RESTART] * 3 + [Verdict.FAILED]


def test_a_minute_later_it_may_start_again() -> None:
    budget = RestartBudget()
    for now in (0.0, 1.0, 2.0):
        budget.on_abnormal_exit("a", now, 0.0)
    assert budget.on_abnormal_exit("a", 61.5, 0.0).verdict is Verdict.RESTART


def test_forgiveness_and_neighbours() -> None:
    budget = RestartBudget()
    for now in range(3):
        budget.on_abnormal_exit("a", now, 0.0)
    assert budget.on_abnormal_exit("b", 3.0, 0.0).after_s == 0.0
    budget.forgive("a")
    assert budget.on_abnormal_exit("a", 4.0, 0.0).verdict is Verdict.RESTART


def test_jitter_only_lengthens() -> None:
    budget = RestartBudget()
    budget.on_abnormal_exit("a", 0.0, 0.0)
    assert 0.5 < budget.on_abnormal_exit("a", 0.1, 0.999).after_s <= 0.6


def test_many_deaths_recycle_the_zygote_once_then_give_up() -> None:
    budget = RestartBudget()
    alarms = [budget.on_abnormal_exit(str(n), n * 0.1, 0.0).alarm for n in range(GIVE_UP_EXITS + 1)]
    assert alarms.index(Alarm.RECYCLE_ZYGOTE) == RECYCLE_EXITS
    assert alarms.count(Alarm.RECYCLE_ZYGOTE) == 1
    assert alarms.index(Alarm.GIVE_UP) == GIVE_UP_EXITS


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30), st.floats(0, 0.99)), max_size=80))
def test_no_session_exceeds_its_budget(exits: list[tuple[str, float, float]]) -> None:
    budget, now = RestartBudget(), 0.0
    restarts: dict[str, list[float]] = {}
    for session, pause, random in exits:
        now += pause
        decision = budget.on_abnormal_exit(session, now, random)
        if decision.verdict is Verdict.RESTART:
            restarts.setdefault(session, []).append(now)
        assert 0.0 <= decision.after_s <= 2.0 * 1.2
    for times in restarts.values():
        for at in times:
            assert sum(at - 60 < other <= at for other in times) <= SESSION_EXITS
