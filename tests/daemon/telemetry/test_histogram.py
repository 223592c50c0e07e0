from oad.daemon.telemetry.histogram import LONG_S, MIDDLE_S, SHORT_S, Histogram


def test_counts_are_cumulated_and_bounds_belong_below() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 1.5):
        histogram.observe(value)
    assert list(histogram.cumulated()) == [("0.1", 2), ("1", 3), ("+Inf", 4)]
    assert (histogram.count, histogram.sum) == (4, 2.15)


def test_bounds_ascend() -> None:
    for bounds in (SHORT_S, MIDDLE_S, LONG_S):
        assert list(bounds) == sorted(set(bounds))
