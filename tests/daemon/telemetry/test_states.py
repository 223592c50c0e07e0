from types import SimpleNamespace
from typing import Any

from oad.daemon.telemetry.states import States


def worker(name: str, *, settled: bool = True, kind: str = "session") -> Any:
    return SimpleNamespace(spec=SimpleNamespace(kind=kind, name=name), settled=SimpleNamespace(is_set=lambda: settled))


def test_each_session_has_one_state() -> None:
    workers = [worker(name) for name in ("a", "b", "c", "d")] + [
        worker("e", settled=False),
        worker("/p", kind="project"),
    ]
    supervisor: Any = SimpleNamespace(live=lambda: workers)
    turns: Any = SimpleNamespace(statuses={"a": {"type": "busy"}, "b": {"type": "retry"}, "c": {"type": "busy"}})
    asks: Any = SimpleNamespace(waiting=lambda: {"c"})
    states = States(supervisor, turns, asks, {"f", "a"})
    assert dict(states.active()) == {
        "a": "running",
        "b": "retrying",
        "c": "waiting",
        "d": "idle",
        "e": "starting",
        "f": "queued",
    }
    counts = states.count(10)
    assert (counts["stored"], counts["idle"], counts.total()) == (4, 1, 10)
