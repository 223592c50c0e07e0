from oad.workers.mcp.backoff import STEADY_S, TRIES, Backoff


def test_waits_grow_and_come_to_an_end() -> None:
    backoff = Backoff()
    waits = [backoff.after(1.0) for _ in range(TRIES)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert backoff.after(1.0) is None


def test_a_steady_life_begins_anew() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.after(1.0)
    assert backoff.after(STEADY_S) == 0.5
