from hypothesis import given
from hypothesis import strategies as st

from oad.contract.policy import AdmissionPolicy
from oad.daemon.turnstile.rates import Rates

RULES = AdmissionPolicy(requests_per_s=2.0, requests_at_once=5)


def test_so_many_at_once_and_then_so_many_per_second() -> None:
    rates = Rates()
    assert [rates.take("ann", RULES, 0.0) is None for _ in range(7)] == [True] * 5 + [False] * 2
    refused = rates.take("ann", RULES, 0.0)
    assert refused is not None
    assert (refused[0].limit, refused[0].value, refused[1]) == ("requestsPerS", 2.0, 1)
    assert rates.take("bob", RULES, 0.0) is None
    assert [rates.take("ann", RULES, 1.0) is None for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0.0, 3.0), max_size=80))
def test_never_more_than_the_rules_allow_and_waiting_helps(pauses: list[float]) -> None:
    rates, now, served = Rates(), 0.0, 0
    for pause in pauses:
        now += pause
        refused = rates.take("ann", RULES, now)
        served += refused is None
        if refused is not None:
            now += refused[1]
            assert rates.take("ann", RULES, now) is None
            served += 1
    assert served <= 5 + 2 * now + 1e-6


def test_without_a_limit_nobody_is_remembered() -> None:
    rates = Rates()
    assert rates.take("ann", AdmissionPolicy(), 0.0) is None
    for number in range(1100):
        rates.take(f"u{number}", RULES, 0.0)
    assert len(rates._buckets) == 1000
