import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oad.contract.errors import ApiError
from oad.daemon import journal as module
from oad.daemon.journal import HIGH_WATER, Journal, Place, Published, as_published
from oad.daemon.projection import Recorded
from oad.daemon.store import Store

A, B, NOWHERE = Place("/p", "global", "ses_a"), Place("/p", "global", "ses_b"), Place()


class FaultyStore(Store):
    """Fails as a full disk does, as often as told to. ``held`` keeps commits waiting."""

    failures = 0
    commits: list[tuple[list[int], bool]]

    def commit(self, events: Sequence[Recorded], *, full: bool) -> None:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        super().commit(events, full=full)
        self.commits.append(([event.seq for event in events], full))


class Sink:
    """Checks with every event that a read would see it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.events: list[Published] = []
        self.flushed = 0

    def flush(self) -> None:
        self.flushed = len(self.events)

    def publish(self, event: Published) -> None:
        assert event.seq <= self._store.last_seq(), "published before it was committed"
        self.events.append(event)

    def types(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FaultyStore]:
    store = FaultyStore(tmp_path / "oad.db")
    store.commits = []
    yield store
    store.close()


@pytest.fixture
def sink(store: FaultyStore) -> Sink:
    return Sink(store)


@pytest.fixture
def journal(store: FaultyStore, sink: Sink) -> Journal:
    return Journal(store, sink)


async def running(journal: Journal, work: Callable[[], Awaitable[None]]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        await work()
        nursery.cancel_scope.cancel()


async def written(journal: Journal) -> None:
    """However long that takes."""
    done = trio.Event()
    journal.then(done.set)
    await done.wait()


async def test_order_is_that_of_appending_whatever_the_kind(journal: Journal, sink: Sink) -> None:
    async def work() -> None:
        journal.append("one", {}, A)
        journal.append("two", {}, A, durable=False)
        journal.then(lambda: sink.events.append(sink.events[-1]))
        journal.append("three", {"x": 1}, B)
        journal.append("four", b'{"y":2}', NOWHERE)
        await journal.settled()

    await running(journal, work)
    assert sink.types() == ["one", "two", "two", "three", "four"]
    assert sink.flushed == len(sink.events)
    assert [(e.seq, e.aggregate_seq) for e in sink.events] == [(1, 1), (0, 0), (0, 0), (2, 1), (3, 0)]
    assert [msgspec.json.decode(e.body)["properties"] for e in sink.events] == [{}, {}, {}, {"x": 1}, {"y": 2}]
    assert msgspec.json.decode(sink.events[0].body)["id"] == sink.events[0].id


async def test_what_has_gathered_is_one_commit(journal: Journal, store: FaultyStore) -> None:
    async def work() -> None:
        for _ in range(100):
            journal.append("x", {}, A)
        await journal.settled()
        journal.append("y", {}, A, full=True)
        await journal.settled()

    await running(journal, work)
    assert store.commits == [(list(range(1, 101)), False), ([101], True)]


async def test_what_follows_closely_is_one_commit_but_nobody_who_waits_is_kept(
    journal: Journal, sink: Sink, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GATHER_S", 30)

    async def work() -> None:
        journal.append("one", {}, A)
        await trio.testing.wait_all_tasks_blocked()
        journal.append("two", {}, A)
        await trio.testing.wait_all_tasks_blocked()
        assert sink.types() == []
        with trio.fail_after(20):
            await journal.settled()
        assert sink.types() == ["one", "two"]

    await running(journal, work)
    assert [seqs for seqs, _ in store.commits] == [[1, 2]]


async def test_what_follows_later_is_not_waited_for(journal: Journal, sink: Sink) -> None:
    async def work() -> None:
        journal.append("one", {}, A)
        with trio.fail_after(20):
            while not sink.types():
                await trio.testing.wait_all_tasks_blocked(0.001)

    await running(journal, work)


async def test_settled_means_that_reads_see_it(journal: Journal, store: FaultyStore) -> None:
    async def work() -> None:
        journal.append("x", {}, A)
        assert store.last_seq() == 0
        assert (journal.last_seq, journal.committed_seq) == (1, 0)
        await journal.settled()
        assert store.last_seq() == journal.committed_seq == 1

    await running(journal, work)


async def test_internal_events_are_kept_and_not_published(journal: Journal, sink: Sink, store: FaultyStore) -> None:
    async def work() -> None:
        journal.append("oad.session.forked", {"source": "ses_b"}, A)
        await journal.settled()

    await running(journal, work)
    assert sink.events == []
    assert store.last_seq() == 1


async def test_numbers_go_on_after_a_restart(journal: Journal, store: FaultyStore, sink: Sink) -> None:
    async def one() -> None:
        journal.append("x", {}, A)
        await journal.settled()

    await running(journal, one)
    later = Journal(store, sink)

    async def two() -> None:
        later.append("y", {}, A)
        await later.settled()

    await running(later, two)
    assert [(e.seq, e.aggregate_seq) for e in sink.events] == [(1, 1), (2, 2)]


async def test_a_failing_disk_holds_everything_back_until_it_is_mended(
    journal: Journal, store: FaultyStore, sink: Sink
) -> None:
    store.failures = 1_000_000

    async def work() -> None:
        journal.append("volatile", {}, A, durable=False)
        journal.append("durable", {}, A)
        journal.append("after", {}, A, durable=False)
        while store.failures > 1_000_000 - 2:
            await trio.testing.wait_all_tasks_blocked(0.005)
        assert journal.failing is not None
        assert "database or disk is full" in journal.failing.message
        assert sink.events == []
        store.failures = 0
        await written(journal)
        assert journal.failing is None

    await running(journal, work)
    assert sink.types() == ["volatile", "durable", "after"]


async def test_what_is_queued_is_written_when_the_journal_ends(journal: Journal, sink: Sink) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        await trio.testing.wait_all_tasks_blocked()
        journal.append("last", {}, A)
        nursery.cancel_scope.cancel()
    assert sink.types() == ["last"]


async def test_an_end_while_the_disk_fails_loses_nothing_that_can_still_be_written(
    journal: Journal, store: FaultyStore, sink: Sink
) -> None:
    """The batch that is being tried must still be there for the last drain."""
    store.failures = 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        journal.append("first", {}, A)
        while journal.failing is None:
            await trio.testing.wait_all_tasks_blocked(0.001)
        journal.append("second", {}, A)
        nursery.cancel_scope.cancel()
    assert [e.type for e in store.events_after(0, 10)] == ["first", "second"]
    assert sink.types() == ["first", "second"]


async def test_an_end_during_a_commit_writes_it_once(journal: Journal, store: FaultyStore, sink: Sink) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        journal.append("x", {}, A)
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert [seqs for seqs, _ in store.commits] == [[1]]
    assert sink.types() == ["x"]


async def test_producers_that_can_wait_do_so(journal: Journal) -> None:
    for _ in range(HIGH_WATER + 1):
        journal.append("x", {}, A, durable=False)
    with trio.move_on_after(0.01) as scope:
        await journal.room()
    assert scope.cancelled_caught
    with trio.fail_after(5):
        await running(journal, journal.room)


def test_a_recorded_event_is_published_as_it_was(store: FaultyStore) -> None:
    record = Recorded(7, "evt_1", "x", "/p", "global", "ses_a", 3, b'{"a":1}')
    assert as_published(record).body == b'{"id":"evt_1","type":"x","properties":{"a":1}}'


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from([A, B, NOWHERE]), st.booleans()),
        st.tuples(st.sampled_from(["then", "settled", "yield"]), st.none(), st.none()),
    ),
    max_size=30,
)


@given(tasks=st.lists(_steps, min_size=1, max_size=4), failures=st.integers(0, 2))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_interleaving_is_published_in_order_with_consecutive_numbers(
    tmp_path_factory: pytest.TempPathFactory,
    tasks: list[list[tuple[str, Place | None, bool | None]]],
    failures: int,
) -> None:
    store = FaultyStore(tmp_path_factory.mktemp("journal") / "oad.db")
    store.commits, store.failures = [], failures
    sink, appended, handed = Sink(store), list[str](), list[str]()
    journal = Journal(store, sink)

    class Ordered(Sink):
        def publish(self, event: Published) -> None:
            super().publish(event)
            handed.append(event.type)

    journal._sink = sink = Ordered(store)

    async def produce(number: int, steps: list[tuple[str, Place | None, bool | None]]) -> None:
        for index, (kind, place, durable) in enumerate(steps):
            name = f"{number}.{index}"
            if kind == "append":
                assert place is not None
                appended.append(name)
                journal.append(name, {}, place, durable=bool(durable))
            elif kind == "then":
                appended.append(name)
                journal.then(lambda name=name: handed.append(name))  # type: ignore[misc]
            elif kind == "settled":
                before = list(appended)
                await written(journal)
                assert handed[: len(before)] == before
            else:
                await trio.lowlevel.checkpoint()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            async with trio.open_nursery() as producers:
                for number, steps in enumerate(tasks):
                    producers.start_soon(produce, number, steps)
            nursery.cancel_scope.cancel()

    trio.run(main)
    durable = [event.seq for event in sink.events if event.seq]
    assert handed == appended
    assert durable == list(range(1, len(durable) + 1))
    for session in ("ses_a", "ses_b"):
        numbers = [e.aggregate_seq for e in sink.events if e.seq and e.session == session]
        assert numbers == list(range(1, len(numbers) + 1))
    store.close()


async def test_nobody_who_can_do_without_waits_for_a_disk_that_fails(
    journal: Journal, store: FaultyStore, sink: Sink
) -> None:
    """Those that were waiting, and those that come; what was appended is written later, in its order, without a gap."""
    store.failures = 1_000_000
    heard: list[str] = []

    async def work() -> None:
        journal.append("one", {}, A)
        journal.then(lambda: heard.append("action"), lambda: heard.append("instead"))
        with pytest.raises(ApiError) as caught:
            await journal.settled()
        assert (caught.value.status, caught.value.body["name"]) == (507, "StorageError")
        assert heard == ["instead"]
        journal.append("two", {}, A)
        assert await journal.caught_up() is journal.failing
        journal.announce("session.error", {}, A)
        assert sink.types() == ["session.error"]
        store.failures = 0
        await written(journal)
        assert heard == ["instead"], "an answer is given once"
        assert await journal.caught_up() is None
        assert journal.failures == 1

    await running(journal, work)
    assert sink.types() == ["session.error", "one", "two"]
    assert [e.aggregate_seq for e in store.events_after(0, 10)] == [1, 2]


async def test_a_store_that_is_read_only_for_a_while_heals(journal: Journal, store: FaultyStore, sink: Sink) -> None:
    async def work() -> None:
        with store.writing() as db:
            db.execute("PRAGMA query_only = 1")
        journal.append("one", {}, A)
        trouble = await journal.caught_up()
        assert trouble is not None
        assert trouble.reason == "readonly"
        with store.writing() as db:
            db.execute("PRAGMA query_only = 0")
        await written(journal)
        assert journal.failing is None

    await running(journal, work)
    assert sink.types() == ["one"]


async def test_numbers_go_on_where_they_were_forgotten(
    journal: Journal, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oad.daemon.journal._AGGREGATES", 2)

    async def work() -> None:
        for session in [f"ses_{number}" for number in range(5)] * 2:
            journal.append("one", {}, Place("/p", "global", session))
            await journal.settled()
        assert len(journal._aggregates) <= 3

    await running(journal, work)
    assert [e.aggregate_seq for e in store.events_after(0, 20)] == [1] * 5 + [2] * 5
