"""Notices a session that runs in circles or never ends. Pure: each detector is fed and says how far it has come.

The guard of one step (``doom``) asks a person at the third equal call; these count over steps and turns, ask nobody,
and come much later.
"""

from collections import deque
from typing import Final

_PERIODS: Final = (2, 3)


class Repetition:
    """The same call in a row."""

    def __init__(self) -> None:
        self._last = ""
        self._count = 0

    def feed(self, call: str) -> int:
        """How often it was made in a row, this one included."""
        self._count = self._count + 1 if call == self._last else 1
        self._last = call
        return self._count


class Alternation:
    """Two or three calls in turn: A-B-A-B, A-B-C-A-B-C."""

    def __init__(self) -> None:
        self._recent = deque[str](maxlen=max(_PERIODS))
        self._runs = dict.fromkeys(_PERIODS, 0)

    def feed(self, call: str) -> int:
        """How many whole rounds were made, up to this call; 0 while there is no pattern."""
        rounds = 0
        for period in _PERIODS:
            known = len(self._recent) >= period
            self._runs[period] = self._runs[period] + 1 if known and self._recent[-period] == call else 0
            # One call over and over fits every period, and is not this detector's.
            different = known and len({*list(self._recent)[len(self._recent) - period + 1 :], call}) > 1
            if self._runs[period] and different:
                rounds = max(rounds, (self._runs[period] + period) // period)
        self._recent.append(call)
        return rounds
