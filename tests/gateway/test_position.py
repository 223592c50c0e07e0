import pytest

from oad.gateway.position import Position, parse_position


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("17-k3Xq", Position("17-k3Xq", 17, "17-k3Xq")),
        ("17a-k3Xq", Position("17a-k3Xq", 16, "17-k3Xq", half=True)),
        ("17", Position("17", 17)),
        ("0", Position("0", 0)),
        ("garbage", Position("garbage")),
        ("١٧", Position("١٧")),
        ("9" * 19, Position("9" * 19)),
        ("17-k3Xq-1", Position("17-k3Xq-1", 17, "17-k3Xq-1")),
        ("17-k3 Xq", Position("17-k3 Xq")),
        ("x" * 500, Position("x" * 100)),
    ],
)
def test_ids_of_events(text: str, position: Position) -> None:
    assert parse_position(text) == position


def test_nothing_is_no_position() -> None:
    assert parse_position("") is None
