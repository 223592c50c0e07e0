from hypothesis import given
from hypothesis import strategies as st

from oad.workers.providers.usage import count_tokens

COUNT = st.integers(0, 10**9)


@given(COUNT, COUNT, COUNT, COUNT)
def test_the_parts_add_up_to_the_total(fresh: int, cached: int, said: int, thought: int) -> None:
    tokens = count_tokens(prompt=fresh + cached, completion=said + thought, cached=cached, reasoning=thought)
    assert tokens.total == tokens.input + tokens.output + tokens.reasoning + tokens.cache.read + tokens.cache.write


def test_a_provider_that_counts_oddly_gives_no_negative_numbers() -> None:
    tokens = count_tokens(prompt=10, completion=5, cached=20, reasoning=9)
    assert (tokens.input, tokens.output) == (0, 0)
