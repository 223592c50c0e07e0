from typing import Any

import msgspec

from oad.contract.session import CacheTokens, Tokens
from oad.daemon.tally import Tally


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def say(tally: Tally, type: str, session: str = "ses_1", **properties: Any) -> None:
    tally.observe(type, msgspec.json.encode({"sessionID": session, **properties}), session)


def test_counts_what_passes() -> None:
    tally = Tally()
    say(tally, "oad.session.aborted", rung="broker", survivors=1, tookMs=250.0)
    say(tally, "oad.session.aborted", rung="none", survivors=0, tookMs=0.0)
    say(tally, "permission.asked")
    say(tally, "question.asked")
    tally.observe("message.updated", b"not looked at", "ses_1")
    assert tally.aborts == {"broker": 1, "none": 1}
    assert (tally.survivors, tally.abort_s.count, tally.abort_s.sum) == (1, 1, 0.25)
    assert tally.asks == {"permission": 1, "question": 1}


def test_turns_are_timed_from_busy_to_idle() -> None:
    clock = Clock()
    tally = Tally(clock)
    say(tally, "session.status", status={"type": "busy"})
    clock.now += 2
    say(tally, "session.status", status={"type": "retry", "attempt": 1})
    assert tally.busy_s("ses_1") == 2
    clock.now += 3
    say(tally, "session.status", status={"type": "idle"})
    say(tally, "session.status", status={"type": "idle"})
    assert (tally.turn_s.count, tally.turn_s.sum, tally.busy_s("ses_1")) == (1, 5, None)
    assert tally.turns == {"completed": 1}


def test_turns_are_told_apart_by_their_end() -> None:
    tally = Tally()
    for name in ("MessageAbortedError", "APIError", None):
        say(tally, "session.error", error={"name": "before a turn", "data": {}})
        say(tally, "session.status", status={"type": "busy"})
        if name is not None:
            say(tally, "session.error", error={"name": name, "data": {}})
        say(tally, "session.status", status={"type": "idle"})
    assert tally.turns == {"aborted": 1, "error": 1, "completed": 1}


def test_waiting_in_the_queue_is_no_turn() -> None:
    tally = Tally()
    say(tally, "session.status", status={"type": "retry", "attempt": 1})
    say(tally, "session.status", status={"type": "idle"})
    assert (tally.turns, tally.turn_s.count) == ({}, 0)


def test_deleted_sessions_are_forgotten() -> None:
    tally = Tally()
    say(tally, "session.status", status={"type": "busy"})
    say(tally, "session.deleted", info={})
    assert tally.busy_s("ses_1") is None
    say(tally, "session.status", status={"type": "idle"})
    assert tally.turns == {}


def test_usage_and_spawns_add_up() -> None:
    tally = Tally()
    for _ in range(2):
        tally.note_usage(0.5, Tokens(input=1, output=2, reasoning=3, cache=CacheTokens(read=4, write=5)))
        tally.note_spawn("session", 0.1)
    assert tally.cost == 1.0
    assert tally.tokens == {"input": 2, "output": 4, "reasoning": 6, "cache_read": 8, "cache_write": 10}
    assert tally.spawn_s["session"].count == 2
