"""When a failed model call is tried again, and how long to wait: a pure machine."""

import random
from collections.abc import Callable
from typing import Final

import msgspec

from ..providers.model import ModelFailure

WAITS_S: Final = (2.0, 4.0, 8.0, 16.0, 30.0)
MAX_TOTAL_WAIT_S: Final = 600.0  # a server that asks for more by retry-after gets the error shown instead


class Retry(msgspec.Struct, frozen=True):
    """``attempt`` counts from 1."""

    attempt: int
    wait_s: float


class RetryPlan:
    """One turn's patience. A step that succeeds restores it."""

    def __init__(self, *, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self.reset()

    def reset(self) -> None:
        self._attempts = 0
        self._waited_s = 0.0

    def after(self, failure: ModelFailure) -> Retry | None:
        """The next try, or None when there is to be none."""
        if not failure.retryable or self._attempts >= len(WAITS_S):
            return None
        wait_s = failure.retry_after_s
        if wait_s is None:
            wait_s = WAITS_S[self._attempts] * (1 + self._jitter() / 4)
        if self._waited_s + wait_s > MAX_TOTAL_WAIT_S:
            return None
        self._attempts += 1
        self._waited_s += wait_s
        return Retry(self._attempts, max(wait_s, 0.0))
