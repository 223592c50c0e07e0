import logging
from typing import Any

from oad.logs.repeats import WINDOW_S, Repeats, identity


def test_what_comes_too_often_is_held_back_and_counted() -> None:
    repeats = Repeats(3)
    assert [repeats.admits("a", 0.1 * n) for n in range(6)] == [0, 0, 0, None, None, None]
    assert repeats.admits("b", 0.7) == 0
    assert repeats.admits("a", WINDOW_S + 0.1) == 3
    assert repeats.admits("a", WINDOW_S + 0.2) == 0


def test_without_a_limit_all_goes_through() -> None:
    repeats = Repeats(0)
    assert [repeats.admits("a", 0) for _ in range(50)] == [0] * 50


def test_memory_is_bounded() -> None:
    repeats = Repeats(1)
    for number in range(1000):
        assert repeats.admits(number, 0) == 0
    assert repeats.admits(999, 1) is None
    assert repeats.admits(0, 1) == 0, "forgotten long ago"


def test_lines_that_do_not_come_again_are_forgotten() -> None:
    repeats = Repeats(2)
    for number in range(50):
        repeats.admits(number, 0)
    repeats.admits("other", WINDOW_S)
    assert len(repeats._seen) == 1


def test_what_was_held_back_is_told_however_late() -> None:
    repeats = Repeats(1)
    assert [repeats.admits("a", 0) for _ in range(5)] == [0, None, None, None, None]
    assert repeats.admits("b", 2 * WINDOW_S) == 0
    assert repeats.admits("a", 3 * WINDOW_S) == 4


def record(message: Any, *args: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("oad.x", level, "", 0, message, args, None)


def test_lines_are_the_same_whenever_and_for_whomever_they_were_written() -> None:
    one = {"event": "full", "timestamp": "1", "request": "req_1", "session": "ses_1"}
    assert identity(record(one)) == identity(record({**one, "timestamp": "2", "request": "req_2"}))
    assert identity(record(one)) != identity(record({**one, "session": "ses_2"}))
    assert identity(record("%s failed", "a")) == identity(record("a failed"))
    assert identity(record("a")) != identity(record("a", level=logging.ERROR))
