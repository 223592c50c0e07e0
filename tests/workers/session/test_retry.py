from hypothesis import given
from hypothesis import strategies as st

from oad.workers.providers.model import ModelFailure
from oad.workers.session.retry import MAX_TOTAL_WAIT_S, WAITS_S, RetryPlan


def failure(after: float | None = None, *, retryable: bool = True) -> ModelFailure:
    return ModelFailure("api", "busy", status=429, retryable=retryable, retry_after_s=after)


def test_waits_grow_by_at_most_a_quarter() -> None:
    waits = [RetryPlan(jitter=lambda: 1.0).after(failure())]
    assert waits[0] is not None and waits[0].wait_s == 2.5
    plan = RetryPlan(jitter=lambda: 0.0)
    retries = [plan.after(failure()) for _ in range(6)]
    assert [retry and retry.wait_s for retry in retries] == [2, 4, 8, 16, 30, None]


def test_retry_after_is_obeyed() -> None:
    retry = RetryPlan().after(failure(0.02))
    assert retry is not None and (retry.attempt, retry.wait_s) == (1, 0.02)


def test_what_cannot_succeed_is_not_tried_again() -> None:
    assert RetryPlan().after(failure(retryable=False)) is None


def test_days_are_not_waited_for() -> None:
    assert RetryPlan().after(failure(86_400)) is None


def test_success_restores_patience() -> None:
    plan = RetryPlan()
    for _ in range(9):
        plan.after(failure(1))
    plan.reset()
    assert plan.after(failure(1)) is not None


@given(st.lists(st.none() | st.floats(-5, 1000), max_size=20))
def test_retries_end(afters: list[float | None]) -> None:
    plan = RetryPlan()
    retries = [retry for after in afters if (retry := plan.after(failure(after))) is not None]
    assert len(retries) <= len(WAITS_S)
    assert [retry.attempt for retry in retries] == list(range(1, len(retries) + 1))
    assert all(retry.wait_s >= 0 for retry in retries)
    assert sum(retry.wait_s for retry in retries) <= MAX_TOTAL_WAIT_S + 25  # hints below zero count as zero
