import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from old_store import EVENTS, make_old

from oad.daemon import migration
from oad.daemon.migration import (
    SchemaTooNew,
    StoreUnusable,
    copies_of,
    copy_store,
    migrate,
    open_store,
    verify_integrity,
)
from oad.daemon.schema import MIGRATIONS, connect
from oad.daemon.store import Store

NEWEST = len(MIGRATIONS)
UNCOUNTED = 5  # the last version without segments


def version(path: Path) -> int:
    connection = connect(path)
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    connection.close()
    return found


def check_whole(path: Path) -> None:
    """Opened by the program of today, nothing is missing."""
    store = Store(path)
    try:
        assert store.session("ses_a") == b"{}"
        assert [id for id, _, _ in store.messages("ses_a")] == ["msg_1"]
        assert [id for _, id, _ in store.parts("ses_a")] == ["prt_1"]
        assert store.todo("ses_a") == b"[1]"
        assert store.last_seq() == store.aggregate_seq("ses_a") == EVENTS
        assert [event.seq for event in store.events_after(store.horizon(), 5000)][-1] == EVENTS
        with store.writing() as db:
            verify_integrity(db, path)
            assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    finally:
        store.close()
    assert version(path) == NEWEST


def test_a_new_file_gets_the_newest_schema_and_no_copy(tmp_path: Path) -> None:
    store = Store(tmp_path / "oad.db")
    store.close()
    assert version(tmp_path / "oad.db") == NEWEST
    assert store.migrated_from == 0
    assert copies_of(tmp_path / "oad.db") == []


@pytest.mark.parametrize("old", range(1, NEWEST))
def test_a_store_of_any_earlier_version_is_copied_and_brought_up_to_date(tmp_path: Path, old: int) -> None:
    path = tmp_path / "oad.db"
    make_old(path, old)
    check_whole(path)
    (copy,) = copies_of(path)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert version(copy) == old
    check_whole(copy)  # which is a store as the one before, and whole


def test_what_was_counted_before_goes_on(tmp_path: Path) -> None:
    """Of a session whose events are all forgotten too."""
    path = tmp_path / "oad.db"
    make_old(path, UNCOUNTED)
    store = Store(path)
    assert store.aggregate_seq("ses_old") == 3
    assert store.horizon() == 100
    assert store.prune_events(keep=500) == EVENTS - 100 - 500
    assert store.aggregate_seq("ses_a") == store.last_seq() == EVENTS
    store.close()


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "oad.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE future (x)")
    connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    connection.close()
    before = path.read_bytes(), path.stat().st_mode
    with pytest.raises(SchemaTooNew, match=f"version {NEWEST + 1}, this oad knows {NEWEST}: use a newer oad"):
        Store(path)
    assert (path.read_bytes(), path.stat().st_mode) == before
    assert copies_of(path) == []


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "oad.db").write_text("a shopping list that is long enough to be read as the head of a file" * 9)
    with pytest.raises(StoreUnusable, match=r"oad.db can't be opened: file is not a database"):
        open_store(tmp_path / "oad.db")


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "oad.db"
    make_old(path, 1)
    broken = (MIGRATIONS[0], "CREATE TABLE extra (a); SELECT nonsense FROM nowhere")
    monkeypatch.setattr(migration, "MIGRATIONS", broken)
    with pytest.raises(StoreUnusable, match="nowhere"):
        open_store(path)
    assert version(path) == 1
    connection = connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone()[0] == 0
    connection.close()


def test_without_a_copy_nothing_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "oad.db"
    make_old(path, 2)

    def fail(connection: sqlite3.Connection, shown: Path) -> None:
        raise sqlite3.DatabaseError(f"{shown} is damaged")

    monkeypatch.setattr(migration, "verify_integrity", fail)
    with pytest.raises(StoreUnusable, match=r"oad.bak.new is damaged"):
        open_store(path)
    assert version(path) == 2
    assert [each.name for each in tmp_path.iterdir() if "bak" in each.name] == []


def test_so_many_copies_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "oad.db"
    for age in range(3):
        old = tmp_path / f"oad.v1-2020010{age}T000000Z.bak"
        old.touch()
        os.utime(old, (age, age))
    make_old(path, NEWEST - 1)
    open_store(path, keep_copies=2)[0].close()
    first, second = copies_of(path)
    assert first.name == "oad.v1-20200102T000000Z.bak"
    assert second.name.startswith(f"oad.v{NEWEST - 1}-")


def test_a_copy_is_consistent_while_others_write(tmp_path: Path) -> None:
    source = connect(tmp_path / "a.db")
    source.execute("CREATE TABLE a (x)")
    source.executemany("INSERT INTO a VALUES (?)", [("x" * 1000,)] * 500)
    reader = connect(tmp_path / "a.db", readonly=True)
    copy_store(reader, tmp_path / "copy.db")
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM a").fetchone() == (500,)
    for each in (source, reader, copy):
        each.close()
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("copy")) == ["copy.db"]


_VICTIM = """
import os, signal, sys
from pathlib import Path
from oad.daemon.migration import migrate
from oad.daemon.schema import connect

def die(path, at):
    count = 0
    def trace(sql):
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
    connection = connect(path)
    connection.set_trace_callback(trace)
    migrate(connection, path)

at = 0
for place in sys.stdin:
    at += 1
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        die(Path(place.strip()), at)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.parametrize("old", [1, UNCOUNTED])
def test_a_migration_that_is_killed_at_any_statement_is_completed_by_the_next_start(tmp_path: Path, old: int) -> None:
    make_old(tmp_path / "old.db", old)
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdin and victim.stdout
        versions = list[int]()
        status = -9
        while status == -9:
            place = tmp_path / str(len(versions))
            place.mkdir()
            shutil.copy(tmp_path / "old.db", place / "oad.db")
            print(place / "oad.db", file=victim.stdin, flush=True)
            status = int(victim.stdout.readline())
            versions.append(version(place / "oad.db"))
            check_whole(place / "oad.db")
            shutil.rmtree(place)
        victim.stdin.close()
    assert status == 0
    assert versions == sorted(versions)
    assert set(versions) == set(range(old, NEWEST + 1))
    assert len(versions) > 7 * (NEWEST - old)


def test_the_version_that_was_found_is_told(tmp_path: Path) -> None:
    path = tmp_path / "oad.db"
    make_old(path, 3)
    connection = connect(path)
    assert migrate(connection, path) == 3
    assert migrate(connection, path) == NEWEST
    connection.close()
