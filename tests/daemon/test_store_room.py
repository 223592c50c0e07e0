import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from records import Recorder

from oad.contract.policy import StoragePolicy
from oad.daemon import store_room
from oad.daemon.event_log import EventLimits, Forgotten
from oad.daemon.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "oad.db")
    yield store
    store.close()


@pytest.fixture
def record() -> Recorder:
    return Recorder()


def test_limits_are_those_of_the_operator() -> None:
    policy = StoragePolicy(events=7, events_mb=2, events_days=3)
    assert store_room.event_limits(policy, 10**12) == EventLimits(7, 2 << 20, 10**12 - 3 * 86_400_000)


def test_excess_is_counted_and_then_forgotten_in_pieces(store: Store, record: Recorder) -> None:
    store.commit([record("x", {}) for _ in range(600)], full=False)
    through = store_room.find_excess(store, StoragePolicy(events=20))
    assert through == 580
    assert store_room.count_excess(store, through).events == 580
    pieces = [store_room.forget_some(store, through) for _ in range(4)]
    assert [piece.events for piece in pieces] == [250, 250, 80, 0]
    assert sum(pieces, Forgotten()).bytes == 580 * 258


def test_pages_are_given_back_in_pieces(store: Store, record: Recorder) -> None:
    store.commit([record("x", "y" * 4000) for _ in range(600)], full=False)
    while store_room.forget_some(store, 590).events:
        pass
    free = store_room.free_pages(store)
    assert free > 512
    assert store_room.give_back_some(store)
    assert store_room.free_pages(store) == free - 256
    while store_room.give_back_some(store):
        pass
    assert store_room.free_pages(store) == 0


def test_a_reader_keeps_the_log_of_writes_and_holds_up_nobody(store: Store, record: Recorder) -> None:
    store.commit([record("x", {}) for _ in range(10)], full=False)
    store.last_seq()
    reader = store._readers[-1]
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM event").fetchone()
    store.commit([record("x", {})], full=False)
    begun = time.monotonic()
    assert not store_room.empty_wal(store)
    assert time.monotonic() - begun < 4  # the wait for a lock that others have is 5 s
    reader.execute("COMMIT")
    assert store_room.empty_wal(store)
    assert store.path.with_name("oad.db-wal").stat().st_size == 0
