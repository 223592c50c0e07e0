from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from oad.cli.monitor.log_lines import BadTime, Wanted, parse, parse_since, show

LINE: dict[str, Any] = {
    "event": "turn ended",
    "level": "info",
    "logger": "oad.session",
    "timestamp": "2026-11-20T16:37:49.739356Z",
    "process": "session-worker",
    "pid": 42,
    "session": "ses_1",
    "request": "req_1",
    "took_s": 0.5,
    "reason": "two words",
    "error": None,
}


def test_lines_that_concern_a_session() -> None:
    wanted = Wanted("ses_1")
    assert wanted.admits(LINE)
    assert wanted.admits({"event": "GET /session/ses_1: 200"})
    assert wanted.admits({"event": "x", "worker": "ses_1"})
    assert not wanted.admits({**LINE, "session": "ses_2"})
    assert Wanted("req_1").admits(LINE)
    assert Wanted().admits({})


def test_levels_and_times() -> None:
    at = datetime(2026, 11, 20, 16, 37, 49, tzinfo=UTC)
    assert Wanted(level="info").admits(LINE)
    assert not Wanted(level="warning").admits(LINE)
    assert Wanted(since=at).admits(LINE)
    assert not Wanted(since=at + timedelta(seconds=1)).admits(LINE)
    assert not Wanted(since=at).admits({"event": "no time"})


def test_times() -> None:
    now = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert parse_since("90m", now) == now - timedelta(minutes=90)
    assert parse_since("1.5h", now) == now - timedelta(minutes=90)
    assert parse_since("2026-01-01T00:00:00+00:00", now) == datetime(2026, 1, 1, tzinfo=UTC)
    for text in ("", "x", "5", "5w"):
        with pytest.raises(BadTime):
            parse_since(text, now)


def test_people_are_shown_one_line() -> None:
    text = show(LINE)
    assert text.endswith('INFO    session-worker[42] turn ended  request=req_1 took_s=0.5 reason="two words"')
    assert text.isprintable()
    assert show({**LINE, "event": "a\x1b[2J\n", "timestamp": "?"}).isprintable()
    failed = show({**LINE, "exception": "Traceback\n  line"})
    assert failed.splitlines()[1:] == ["    Traceback", "      line"]


@pytest.mark.parametrize("text", ["", "not ours", "[1]", "1", '{"a": '])
def test_what_is_not_ours_is_left_out(text: str) -> None:
    assert parse(text) is None
    assert parse(msgspec.json.encode(LINE).decode()) == LINE
