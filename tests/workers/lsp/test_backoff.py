from oad.workers.lsp.backoff import LONGEST_S, STEADY_S, Backoff


def test_longer_and_longer_up_to_a_limit() -> None:
    backoff, waits = Backoff(), list[float]()
    assert backoff.allows(0)
    for _ in range(10):
        backoff.lost(100, lived_s=1)
        waits.append(next(wait for wait in (1, 2, 4, 8, 16, 32, LONGEST_S) if backoff.allows(100 + wait)))
        assert not backoff.allows(100)
    assert waits == [1, 2, 4, 8, 16, 32, *[LONGEST_S] * 4]
    backoff.lost(100, lived_s=STEADY_S)
    assert backoff.allows(101)
