import math

import pytest

from oad.contract.policy import AskPolicy, OnAsk
from oad.contract.session import OnAskWish
from oad.daemon.patience import Patience, effective, is_laxer


@pytest.mark.parametrize("operator", ["allow", "wait", "deny"])
@pytest.mark.parametrize("wish", ["allow", "wait", "deny"])
def test_the_stricter_one_counts_and_the_laxer_one_is_refused(operator: OnAsk, wish: OnAsk) -> None:
    order = ["allow", "wait", "deny"]
    policy, wanted = AskPolicy(on_ask=operator), OnAskWish(policy=wish)
    assert effective(policy, [wanted]).on_ask == max(operator, wish, key=order.index)
    assert is_laxer(wanted, policy) == (order.index(wish) < order.index(operator))


def test_the_shortest_wait_counts() -> None:
    wishes = [OnAskWish(wait_s=9), OnAskWish(wait_s=5), OnAskWish(policy="wait")]
    assert effective(AskPolicy(wait_s=7), wishes).wait_s == 5
    assert effective(AskPolicy(wait_s=3), wishes).wait_s == 3
    assert effective(AskPolicy(), []).wait_s is None
    assert is_laxer(OnAskWish(wait_s=8), AskPolicy(wait_s=7))
    assert not is_laxer(OnAskWish(wait_s=8), AskPolicy())


def test_when_it_is_given_up() -> None:
    patience = Patience(AskPolicy(wait_s=100, unheard_s=10), asked=50)
    assert patience.ends(heard=True, last_heard=-math.inf) == (150, "timeout")
    assert patience.ends(heard=False, last_heard=-math.inf) == (60, "unheard")
    assert patience.ends(heard=False, last_heard=70) == (80, "unheard")
    assert patience.ends(heard=False, last_heard=149) == (150, "timeout")
    assert Patience(AskPolicy(), 0).ends(heard=True, last_heard=0)[0] == math.inf
