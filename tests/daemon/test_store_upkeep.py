import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from records import Recorder, a_session, a_text, of_part, of_session

from oad.contract.policy import Policy, StoragePolicy
from oad.daemon import store_room
from oad.daemon.journal import Journal, Place, Published
from oad.daemon.settings import DaemonSettings
from oad.daemon.store import Store
from oad.daemon.store_upkeep import StoreUpkeep

MANY = int(os.environ.get("OAD_MANY_EVENTS", "20000"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "oad.db")
    yield store
    store.close()


def upkeep_of(store: Store, tmp_path: Path, **storage: int) -> StoreUpkeep:
    policy = Policy(storage=StoragePolicy(**storage))
    return StoreUpkeep(DaemonSettings(data=tmp_path, runtime=tmp_path, policy=policy), store)


def fill(store: Store, count: int, size: int = 2) -> None:
    record = Recorder()
    events = [record("x", "y" * size) for _ in range(count)]
    for start in range(0, count, 500):
        store.commit(events[start : start + 500], full=False)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.testing.wait_all_tasks_blocked(0.005)


class Nobody:
    def flush(self) -> None:
        """Nothing is held back."""

    def publish(self, event: Published) -> None:
        pass


async def test_events_beyond_the_limits_go_and_the_file_shrinks(store: Store, tmp_path: Path) -> None:
    fill(store, 3000, size=8000)
    with store.writing() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = store.path.stat().st_size
    upkeep = upkeep_of(store, tmp_path, events=1000)
    assert (await upkeep.forget_events()).events == 2000
    await upkeep.give_back(thorough=True)
    assert len(store.events_after(0, 10_000)) == 1000
    assert before > 24_000_000
    assert store.path.stat().st_size < 10_000_000
    assert store.path.with_name("oad.db-wal").stat().st_size == 0


async def test_a_few_free_pages_are_kept_for_what_comes_next(store: Store, tmp_path: Path) -> None:
    fill(store, 200, size=8000)
    upkeep = upkeep_of(store, tmp_path, events=100)
    await upkeep.forget_events()
    await upkeep.give_back()
    assert store_room.free_pages(store) > 100
    await upkeep.give_back(thorough=True)
    assert store_room.free_pages(store) == 0


async def test_nothing_of_a_deleted_session_is_left_in_the_files(store: Store, tmp_path: Path) -> None:
    record, secret = Recorder(), "marmalade" * 2000
    store.commit([record("session.created", of_session(a_session()))], full=False)
    for number in range(30):
        part = of_part(a_text(f"prt_{number % 3}", text=f"{number} {secret[: number * 500]} marmalade"))
        store.commit([record("message.part.updated", part)], full=False)
    store.commit([record("session.deleted", of_session(a_session()))], full=False)
    upkeep = upkeep_of(store, tmp_path)
    async with trio.open_nursery() as nursery:
        upkeep.soon()
        nursery.start_soon(upkeep.run)
        await until(lambda: not any(b"marmalade" in file.read_bytes() for file in tmp_path.glob("oad.db*")))
        nursery.cancel_scope.cancel()
    assert store.last_seq() == 32


async def test_a_store_that_fails_is_tidied_up_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 50)
    failures = [OSError("no"), OSError("no")]
    real = store_room.find_excess

    def fail(store: Store, policy: StoragePolicy) -> int:
        if failures:
            raise failures.pop()
        return real(store, policy)

    monkeypatch.setattr(store_room, "find_excess", fail)
    monkeypatch.setattr("oad.daemon.store_upkeep._EVERY_S", 0.01)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(upkeep_of(store, tmp_path, events=10).run)
        await until(lambda: len(store.events_after(0, 100)) == 10)
        nursery.cancel_scope.cancel()


async def test_the_loop_and_the_journal_go_on_meanwhile(store: Store, tmp_path: Path) -> None:
    """OAD_MANY_EVENTS=100000 is the form whose figures stand in docs/OPERATIONS.md."""
    fill(store, MANY, size=600)
    journal = Journal(store, Nobody())
    upkeep, pauses, commits = upkeep_of(store, tmp_path, events=1), list[float](), list[float]()

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await trio.sleep(0.001)
            pauses.append(time.monotonic() - before - 0.001)

    async def write() -> None:
        while True:
            before = time.monotonic()
            journal.append("x", {}, Place("/p", "global", "ses_b"))
            await journal.settled()
            commits.append(time.monotonic() - before)
            await trio.sleep(0.005)

    async with trio.open_nursery() as nursery:
        for task in (journal.run, tick, write):
            nursery.start_soon(task)
        begun = time.monotonic()
        gone = await upkeep.forget_events()
        took = time.monotonic() - begun
        await upkeep.give_back(thorough=True)
        nursery.cancel_scope.cancel()
    print(
        f"{gone.events} events in {took:.2f} s, then all pages: longest pause of the loop {max(pauses) * 1000:.1f} ms,"
        f" longest commit {max(commits) * 1000:.1f} ms of {len(commits)}"
    )
    assert gone.events >= MANY - 500
    assert len(commits) > 1
    assert max(pauses) < 1  # a whole purge at once would be no shorter than that; the margin is for a loaded host
