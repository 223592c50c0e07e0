import pytest

from oad.contract.catalogue import CacheCost, Cost
from oad.workers.providers.cost import dollars
from oad.workers.providers.usage import count_tokens, no_tokens

COST = Cost(input=1, output=2, cache=CacheCost(read=0.1, write=1.25))


def test_the_reference_example() -> None:
    assert dollars(count_tokens(prompt=100, completion=20), COST) == pytest.approx(0.00014)


def test_each_kind_has_its_price_and_none_counts_twice() -> None:
    tokens = count_tokens(prompt=1_000_000, completion=100_000, cached=500_000, written=200_000, reasoning=60_000)
    assert (tokens.input, tokens.output, tokens.reasoning) == (300_000, 40_000, 60_000)
    assert dollars(tokens, COST) == pytest.approx(0.3 + 0.2 + 0.05 + 0.25)


def test_nothing_costs_nothing() -> None:
    assert dollars(no_tokens(), COST) == 0
