import math

import trio

from oad.daemon.listeners import Listeners


async def test_streams_of_a_directory_and_of_all(autojump_clock: trio.testing.MockClock) -> None:
    listeners = Listeners()
    assert not listeners.hears("/a")
    assert listeners.last_heard("/a") == -math.inf
    listeners.report(b"1", {"/a": 2})
    assert (listeners.hears("/a"), listeners.hears("/b")) == (True, False)
    listeners.report(b"2", {"": 1})
    assert listeners.hears("/b")
    assert (listeners.follows("/a"), listeners.follows("/b")) == (True, False)
    await trio.sleep(5)
    listeners.forget(b"2")
    listeners.report(b"1", {"/a": 0})
    assert not listeners.hears("/a")
    assert listeners.last_heard("/b") == trio.current_time()


async def test_whoever_waits_hears_of_changes_and_a_look_counts() -> None:
    listeners = Listeners()
    changed = listeners.changed
    listeners.saw("/a")
    assert changed.is_set()
    assert listeners.last_heard("/a") > -math.inf
    assert listeners.last_heard("/b") == -math.inf


async def test_of_many_directories_those_seen_last_are_remembered() -> None:
    listeners = Listeners()
    for number in range(5000):
        listeners.saw(f"/{number}")
        listeners.saw("/a")
    assert len(listeners._last) < 2000
    assert listeners.last_heard("/a") > -math.inf
    assert listeners.last_heard("/4999") > -math.inf
