"""When a goal counts as met, and what the table says where there is nothing to compare with."""

from benchmarks.results import Goal, Samples, percentile, table


def test_a_share_of_what_the_reference_needs():
    goal = Goal("turn", "ms", factor=1 / 5)

    assert goal.met(20, 100) is True
    assert goal.met(21, 100) is False
    assert goal.met(1, None) is None


def test_a_rate_is_better_when_it_is_higher():
    goal = Goal("turns", "/s", factor=6, rate=True)

    assert goal.met(60, 10) is True
    assert goal.met(59, 10) is False


def test_a_limit_needs_no_reference():
    assert Goal("start", "ms", limit=1500).met(1500, None) is True
    assert Goal("start", "ms", limit=1500).met(1501, None) is False
    assert Goal("first turn", "ms").met(1, 2) is None


def test_the_table_shows_medians_and_their_ratio():
    samples = Samples()
    samples.add("oad", "turn", 10, 11, 90)
    samples.add("reference", "turn", 110)

    shown = table([Goal("turn", "ms", factor=1 / 5), Goal("not measured", "ms")], samples, "").splitlines()

    assert shown[1].split() == ["turn", "11", "ms", "110", "ms", "0.100", "<=", "0.2", "x", "yes"]
    assert len(shown) == 2


def test_the_table_says_that_there_is_no_reference():
    samples = Samples()
    samples.add("oad", "turn", 10)

    shown = table([Goal("turn", "ms", factor=1 / 5)], samples, "it is not installed")

    assert "no reference  <= 0.2 x  -" in shown
    assert shown.endswith("no reference: it is not installed")


def test_percentiles():
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(n) for n in range(100)], 99) == 99.0
