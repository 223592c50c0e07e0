"""How many requests each user may make: a bucket of tokens that fills with time."""

import math
from typing import Final

from oad.contract.policy import AdmissionPolicy

from .line import Obstacle

_MOST: Final = 1000  # users remembered; whoever was not seen for long has a full bucket anyway


class Rates:
    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}  # user -> (tokens left, at this time)

    def take(self, user: str, rules: AdmissionPolicy, now: float) -> tuple[Obstacle, int] | None:
        """For one request: nothing, or why it is too early for it and in how many seconds it is not."""
        if rules.requests_per_s is None:
            return None
        left, at = self._buckets.pop(user, (float(rules.requests_at_once), now))
        left = min(left + (now - at) * rules.requests_per_s, float(rules.requests_at_once))
        refused = left < 1.0
        self._buckets[user] = (left if refused else left - 1.0, now)
        if len(self._buckets) > _MOST:
            del self._buckets[next(iter(self._buckets))]
        if not refused:
            return None
        wait_s = math.ceil((1.0 - left) / rules.requests_per_s)
        return Obstacle("requestsPerS", rules.requests_per_s, rules.requests_per_s), wait_s
