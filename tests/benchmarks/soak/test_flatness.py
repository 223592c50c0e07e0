import random

import pytest

from benchmarks.soak.flatness import PER, fit, floor_of, judge_rest, judge_trend

TURNS = [float(turn) for turn in range(0, 6000, 50)]


def noisy(slope_per: float, noise: float) -> list[float]:
    chance = random.Random(1)
    return [60.0 + slope_per * turn / PER + chance.gauss(0, noise) for turn in TURNS]


def test_a_line_is_found_exactly() -> None:
    trend = fit(TURNS, [60.0 + 5.0 * turn / PER for turn in TURNS])
    assert trend.slope == pytest.approx(5.0)
    assert trend.error == pytest.approx(0.0, abs=1e-6)
    assert trend.first == pytest.approx(60.0)
    assert trend.last == pytest.approx(60.0 + 5.0 * TURNS[-1] / PER)


def test_growth_is_seen_through_noise() -> None:
    assert judge_trend("x", "MB", TURNS, noisy(4.0, 0.5), tolerance=1.0).grows


def test_noise_is_no_growth() -> None:
    assert not judge_trend("x", "MB", TURNS, noisy(0.0, 5.0), tolerance=1.0).grows
    assert not judge_trend("x", "MB", TURNS, noisy(-4.0, 0.5), tolerance=1.0).grows


def test_growth_within_the_tolerance_is_tolerated() -> None:
    assert not judge_trend("x", "MB", TURNS, noisy(0.5, 0.1), tolerance=1.0).grows


@pytest.mark.parametrize("points", [([], []), ([1.0, 2.0], [1.0, 2.0]), ([3.0] * 5, [1.0] * 5)])
def test_too_little_to_say(points: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="points"):
        fit(*points)


def test_a_cache_may_fill() -> None:
    """These are 2.4 MB in all."""
    assert judge_trend("x", "MB", TURNS, noisy(4.0, 0.1), tolerance=1.0, allowance=2.0).grows
    assert not judge_trend("x", "MB", TURNS, noisy(4.0, 0.1), tolerance=1.0, allowance=3.0).grows


def test_what_is_taken_for_moments_is_no_growth() -> None:
    chance = random.Random(2)
    peaks = [60.0 + chance.choice((0, 0, 0, 6 * turn / TURNS[-1])) for turn in TURNS]
    assert fit(TURNS, peaks).slope > 1.0
    assert fit(*floor_of(TURNS, peaks, 10)).slope < 0.1


def test_a_leak_lifts_the_floor() -> None:
    leaking = [value + random.Random(turn).choice((0, 0, 3)) for turn, value in zip(TURNS, noisy(10, 0), strict=True)]
    assert judge_trend("x", "MB", *floor_of(TURNS, leaking, 24), tolerance=1.0, allowance=3.0).grows


def test_the_floor_of_few_values() -> None:
    assert floor_of([1, 2, 3], [5, 4, 6], 24) == ([1, 2, 3], [5, 4, 6])
    assert floor_of([1, 2, 3, 4, 5], [5, 4, 6, 7, 8], 2) == ([2, 3], [4, 6])
    assert floor_of([], [], 24) == ([], [])


def test_two_rests() -> None:
    assert judge_rest("x", "", 20, 25, 4).grows
    assert not judge_rest("x", "", 20, 24, 4).grows
    assert not judge_rest("x", "", 20, 3, 4).grows
