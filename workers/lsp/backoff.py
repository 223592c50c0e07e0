"""How soon a server that was lost is started again. Pure."""

from typing import Final

FIRST_S: Final = 1.0
LONGEST_S: Final = 60.0
STEADY_S: Final = 60.0  # one that has lived so long begins anew


class Backoff:
    def __init__(self) -> None:
        self._losses = 0
        self._until = 0.0

    def lost(self, now: float, lived_s: float) -> None:
        self._losses = 1 if lived_s >= STEADY_S else self._losses + 1
        self._until = now + min(FIRST_S * 2.0 ** min(self._losses - 1, 30), LONGEST_S)

    def allows(self, now: float) -> bool:
        return now >= self._until
