import pytest

from oad.cli.monitor.table import ORDERS, head, line, make_rows, sort_rows

from .samples import NOW_MS, activity, session


def test_loads_come_from_two_looks() -> None:
    before = activity(session(1, cpu_s=1.0), time=NOW_MS - 2000)
    now = activity(session(1, cpu_s=2.0), session(2))
    assert [row.cpu for row in make_rows(now, before)] == [50.0, None]
    assert [row.cpu for row in make_rows(now, None)] == [None, None]
    assert make_rows(now, None)[0].age_s == 3600


def test_orders() -> None:
    sessions = (
        session(1, state="idle", memory_bytes=3, tokens=1, cpu_s=5.0, created=NOW_MS - 3000, updated=NOW_MS - 10),
        session(2, state="running", memory_bytes=1, tokens=3, cpu_s=1.5, created=NOW_MS - 2000, updated=NOW_MS - 30),
        session(3, state="waiting", memory_bytes=2, tokens=2, cpu_s=1.0, created=NOW_MS - 1000, updated=NOW_MS - 20),
    )
    before = activity(*(session(number, cpu_s=1.0) for number in (2, 3)), session(1, cpu_s=5.0), time=NOW_MS - 1000)
    rows = make_rows(activity(*sessions), before)
    found = {order.name: "".join(row.session.id[-1] for row in sort_rows(rows, order)) for order in ORDERS}
    assert found == {"state": "231", "cpu": "213", "memory": "132", "tokens": "231", "age": "321", "used": "132"}
    assert [row.session.id[-1] for row in sort_rows(rows, ORDERS[0], reverse=True)] == ["1", "3", "2"]


@pytest.mark.parametrize("width", [20, 80, 119, 120, 200])
def test_lines_fit(width: int) -> None:
    odd = session(1, title="long \x1b[2J\n title " * 20, tokens=12_345_678, cost=1234.5, model="p/m" * 20, busy_s=1e6)
    (row,) = make_rows(activity(odd), None)
    text = line(row, width)
    assert len(text) <= width
    assert len(head(width)) <= width
    assert text.isprintable()


def test_columns_stand_below_their_heads() -> None:
    (row,) = make_rows(activity(session(1, tokens=1234, cost=0.5, busy_s=3.0)), None)
    for width in (80, 130):
        title, shown = head(width), line(row, width)
        assert shown.index("title 1") == title.index("TITLE")
        assert shown.index("ses_" if width > 100 else row.session.id[-12:]) == title.index("SESSION")
    assert shown.split()[:7] == ["idle", "1h00m", "3.0s", "-", "100M", "2", "1.2K"]
    assert shown.split()[8] == "0.50"
