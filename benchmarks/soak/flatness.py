"""Whether a series of measurements grows: a straight line is fitted, over turns rather than over time, so that the
verdict does not depend on how fast the host is. Pure."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

PER = 10_000  # turns, that slopes and tolerances are stated for
_CERTAINTY = 2.0  # standard errors; what lies within them may be chance


@dataclass(frozen=True)
class Trend:
    """``slope`` and its standard ``error``, both per PER turns. ``first`` and ``last`` are ends of the fitted line."""

    slope: float
    error: float
    first: float
    last: float

    def exceeds(self, tolerance: float, allowance: float) -> bool:
        """Whether it certainly grows faster than that, and by more than ``allowance`` in all."""
        certain = self.slope - _CERTAINTY * self.error
        return certain > tolerance and self.last - self.first > allowance


def fit(turns: Sequence[float], values: Sequence[float]) -> Trend:
    """Least squares. Raises ValueError for fewer than three points, or all at the same turn."""
    count = len(turns)
    if count < 3 or count != len(values):
        raise ValueError(f"a trend needs three points, there are {count}")
    mean_x, mean_y = sum(turns) / count, sum(values) / count
    spread = sum((x - mean_x) ** 2 for x in turns)
    if not spread:
        raise ValueError("all points are at the same turn")
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(turns, values, strict=True)) / spread
    residue = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(turns, values, strict=True))
    error = math.sqrt(residue / (count - 2) / spread)
    ends = [mean_y + slope * (x - mean_x) for x in (turns[0], turns[-1])]
    return Trend(slope * PER, error * PER, *ends)


def floor_of(turns: Sequence[float], values: Sequence[float], runs: int) -> tuple[list[float], list[float]]:
    """The lowest value of each of so many runs of values that follow one another, with its turn: what is always there.
    A request takes megabytes for a moment, which is no growth; what leaks lifts the lowest values as well."""
    count = len(values)
    runs = min(runs, count)
    edges = [count * number // runs for number in range(runs + 1)] if runs else []
    lowest = [min(range(a, b), key=values.__getitem__) for a, b in itertools.pairwise(edges)]
    return [turns[at] for at in lowest], [values[at] for at in lowest]


@dataclass(frozen=True)
class Finding:
    """One line of the verdict."""

    name: str
    unit: str
    first: float
    last: float
    growth: float  # per PER turns for a trend, else the difference of two rests
    tolerance: float
    grows: bool


def judge_trend(
    name: str, unit: str, turns: Sequence[float], values: Sequence[float], tolerance: float, allowance: float = 0.0
) -> Finding:
    """``allowance``: what may still be taken for good, in all, by caches that have a bound."""
    trend = fit(turns, values)
    return Finding(name, unit, trend.first, trend.last, trend.slope, tolerance, trend.exceeds(tolerance, allowance))


def judge_rest(name: str, unit: str, before: float, after: float, tolerance: float) -> Finding:
    """Of two moments without any work, one after the warm-up and one at the end."""
    growth = after - before
    return Finding(name, unit, before, after, growth, tolerance, growth > tolerance)
