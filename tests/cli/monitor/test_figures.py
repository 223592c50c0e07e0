import pytest

from oad.cli.monitor.figures import duration, number, percent, size


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1024, "1.0K"), (12.3 * 2**20, "12.3M"), (2**20 * 999.9, "1.0G")]
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text


def test_nothing_is_wider_than_its_column() -> None:
    for exponent in range(14):
        for factor in (1, 1.5, 9.99, 99.9):
            assert len(size(factor * 10**exponent)) <= 6
            assert len(number(factor * 10**exponent)) <= 6
            if exponent < 8:
                assert len(duration(factor * 10**exponent)) <= 7


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0s"), (3.24, "3.2s"), (59.9, "59s"), (724, "12m04s"), (11_045, "3h04m"), (1_048_000, "12d3h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_percents() -> None:
    assert [percent(share) for share in (None, 0.0, 12.34, 187.4)] == ["-", "0.0", "12.3", "187"]
