"""How soon a server that was lost is started again. Pure."""

from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0
STEADY_S: Final = 60.0  # who has lived so long begins anew
TRIES: Final = 6


class Backoff:
    """``after`` says how long to wait after a life of so many seconds; None: no more, somebody must ask for it."""

    def __init__(self) -> None:
        self._losses = 0

    def after(self, lived_s: float) -> float | None:
        if lived_s >= STEADY_S:
            self._losses = 0
        self._losses += 1
        if self._losses > TRIES:
            return None
        return min(FIRST_S * float(2 ** (self._losses - 1)), LONGEST_S)
