from hypothesis import given
from hypothesis import strategies as st

from oad.workers.session.guards import Alternation, Repetition

_CALLS = st.lists(st.sampled_from("abc"), max_size=40)


def run_length(calls: list[str]) -> int:
    count = 0
    for call in reversed(calls):
        if call != calls[-1]:
            break
        count += 1
    return count


def rounds(calls: list[str]) -> int:
    """By the definition: the longest end of the list that is a whole number (at least two begun) of equal rounds."""
    best = 0
    for period in (2, 3):
        length = 0
        while length + period < len(calls) and calls[-1 - length] == calls[-1 - length - period]:
            length += 1
        if length and len(set(calls[-period:])) > 1:
            best = max(best, (length + period) // period)
    return best


@given(_CALLS)
def test_repetition_counts_equal_calls_in_a_row(calls: list[str]) -> None:
    detector = Repetition()
    for n, call in enumerate(calls, start=1):
        assert detector.feed(call) == run_length(calls[:n])


@given(_CALLS)
def test_alternation_counts_whole_rounds(calls: list[str]) -> None:
    detector = Alternation()
    for n, call in enumerate(calls, start=1):
        assert detector.feed(call) == rounds(calls[:n])


@given(st.integers(2, 30), st.sampled_from([("a", "b"), ("a", "b", "c"), ("a", "a", "b")]))
def test_a_pattern_is_seen_in_time(count: int, pattern: tuple[str, ...]) -> None:
    detector = Alternation()
    found = [detector.feed(call) for call in pattern * count]
    assert found[-1] == count


@given(st.lists(st.integers(), unique=True))
def test_work_that_goes_on_is_left_alone(calls: list[int]) -> None:
    repetition, alternation = Repetition(), Alternation()
    for call in calls:
        assert repetition.feed(str(call)) == 1
        assert alternation.feed(str(call)) == 0


@given(st.integers(1, 50))
def test_one_call_over_and_over_is_no_alternation(count: int) -> None:
    alternation = Alternation()
    assert all(alternation.feed("a") == 0 for _ in range(count))
