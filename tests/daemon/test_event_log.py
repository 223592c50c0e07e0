from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import Recorder, a_session, of_session

from oad.daemon import event_log
from oad.daemon.event_log import EventLimits, Forgotten
from oad.daemon.store import Store, transaction

HOUR_MS = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "oad.db")
    yield store
    store.close()


@pytest.fixture
def record() -> Recorder:
    return Recorder()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Its last number is the time, in ms."""
    now = [10**12]
    monkeypatch.setattr("oad.daemon.store.now_ms", lambda: now[-1])
    return now


def put(store: Store, record: Recorder, count: int, size: int = 2, session: str = "ses_a") -> None:
    for _ in range(count):
        store.commit([record("x", "y" * (size - 2), session=session)], full=False)


def excess(store: Store, limits: EventLimits) -> int:
    with store.writing() as db:
        return event_log.find_excess(db, limits)


def cut(store: Store, through: int, most: int = 10**6) -> Forgotten:
    with store.writing() as db, transaction(db):
        return event_log.cut(db, through, most)


def counted(store: Store) -> tuple[int, int]:
    """Bytes by the segments, and by the events themselves."""
    with store.writing() as db:
        events = db.execute("SELECT coalesce(sum(length(data) + 256), 0) FROM event").fetchone()[0]
        return event_log.size(db), events


def test_without_limits_or_events_nothing_is_too_much(store: Store, record: Recorder) -> None:
    assert excess(store, EventLimits(events=1, bytes=1, before=10**15)) == 0
    put(store, record, 3)
    assert excess(store, EventLimits()) == 0


def test_a_number_is_kept_exactly(store: Store, record: Recorder) -> None:
    put(store, record, 10)
    assert excess(store, EventLimits(events=10)) == 0
    assert excess(store, EventLimits(events=4)) == 6
    assert cut(store, 6) == Forgotten(6, 6 * 258)
    assert [event.seq for event in store.events_after(0, 99)] == [7, 8, 9, 10]
    assert store.horizon() == 6
    assert counted(store)[0] == counted(store)[1]


def test_bytes_are_kept_by_segments(store: Store, record: Recorder) -> None:
    put(store, record, 9, size=400_000)  # three to a segment of 1 MiB
    through = excess(store, EventLimits(bytes=2_600_000))
    assert through == 3
    cut(store, through)
    assert excess(store, EventLimits(bytes=2_600_000)) == 0
    assert counted(store)[0] == counted(store)[1] <= 2_600_000


def test_the_newest_segment_stays_however_large(store: Store, record: Recorder) -> None:
    put(store, record, 1, size=5_000_000)
    assert excess(store, EventLimits(bytes=1000)) == 0


def test_what_is_old_goes_by_segments_of_an_hour(store: Store, record: Recorder, clock: list[int]) -> None:
    put(store, record, 5)
    clock.append(clock[-1] + 2 * HOUR_MS)
    put(store, record, 5)
    assert excess(store, EventLimits(before=clock[0] + HOUR_MS)) == 0  # its last event may be of then
    assert excess(store, EventLimits(before=clock[0] + HOUR_MS + 1)) == 5
    assert excess(store, EventLimits(before=10**15)) == 10


def test_when_all_are_gone_numbers_go_on(store: Store, record: Recorder) -> None:
    put(store, record, 4)
    put(store, record, 2, session="ses_b")
    cut(store, 6)
    assert store.events_after(0, 9) == []
    assert store.last_seq() == store.horizon() == 6
    assert (store.aggregate_seq("ses_a"), store.aggregate_seq("ses_b")) == (4, 6)
    put(store, record, 1)
    assert store.aggregate_seq("ses_a") == store.last_seq() == 7
    assert counted(store)[0] == counted(store)[1]


def test_it_is_done_in_pieces(store: Store, record: Recorder) -> None:
    put(store, record, 10)
    assert [cut(store, 9, 4).events for _ in range(4)] == [4, 4, 1, 0]
    assert store.horizon() == 9


def test_a_piece_that_reaches_into_the_next_segment_takes_no_more_of_it(store: Store, record: Recorder) -> None:
    put(store, record, 6, size=400_000)  # three to a segment
    assert cut(store, 4).events == 4
    assert counted(store) == (2 * 400_256, 2 * 400_256)


def test_a_deleted_session_leaves_the_news_of_its_end(store: Store, record: Recorder) -> None:
    put(store, record, 3)
    put(store, record, 3, session="ses_b")
    store.commit([record("session.deleted", of_session(a_session()))], full=False)
    assert [(e.session, e.type) for e in store.events_after(0, 99)] == [("ses_b", "x")] * 3 + [
        ("ses_a", "session.deleted")
    ]
    assert counted(store)[0] == counted(store)[1]
    cut(store, 7)
    assert store.aggregate_seq("ses_a") == 0
    assert store.last_seq() == 7


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 25), st.integers(2, 90_000)),
        st.tuples(st.just("cut"), st.integers(0, 60), st.integers(1, 30)),
        st.tuples(st.just("delete"), st.sampled_from([0, 1]), st.just(0)),
    ),
    max_size=12,
)


@given(steps=_steps)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_segments_say_what_there_is(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    store, record = Store(tmp_path_factory.mktemp("log") / "oad.db"), Recorder()
    for kind, number, size in steps:
        before = store.last_seq()
        if kind == "put":
            put(store, record, number, size, session=f"ses_{number % 2}")
        elif kind == "cut":
            cut(store, min(number, before), size)
        else:
            store.commit([record("session.deleted", {}, session=f"ses_{number}")], full=False)
        assert store.last_seq() >= before
        assert counted(store)[0] == counted(store)[1]
        kept = [event.seq for event in store.events_after(0, 10_000)]
        assert all(seq > store.horizon() for seq in kept)
    store.close()
