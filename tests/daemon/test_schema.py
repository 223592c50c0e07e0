import sqlite3
from pathlib import Path

import pytest

from oad.daemon import schema
from oad.daemon.schema import MIGRATIONS, SchemaTooNew, connect, migrate
from oad.daemon.store import Store


def version(path: Path) -> int:
    connection = connect(path)
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    connection.close()
    return found


def first_version(path: Path) -> None:
    connection = connect(path)
    connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
    connection.execute("INSERT INTO todo VALUES ('ses_a', '[1]')")
    connection.close()


def test_a_new_file_gets_the_newest_schema_and_no_backup(tmp_path: Path) -> None:
    store = Store(tmp_path / "oad.db")
    store.close()
    assert version(tmp_path / "oad.db") == len(MIGRATIONS)
    assert store.migrated_from == 0
    assert list(tmp_path.glob("*.bak")) == []


def test_an_older_file_is_copied_and_then_migrated(tmp_path: Path) -> None:
    path = tmp_path / "oad.db"
    first_version(path)
    store = Store(path)
    assert store.migrated_from == 1
    assert store.todo("ses_a") == b"[1]" or store.todo("ses_a") == "[1]"
    assert store.horizon() == 0
    store.close()
    (backup,) = tmp_path.glob("*.bak")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert version(backup) == 1


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "oad.db"
    connection = connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(SchemaTooNew, match="use a newer oad"):
        Store(path)
    assert version(path) == len(MIGRATIONS) + 1


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "oad.db"
    first_version(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (MIGRATIONS[0], "CREATE TABLE extra (a); SELECT nonsense FROM nowhere"))
    connection = connect(path)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, path)
    connection.close()
    assert version(path) == 1
    connection = connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone()[0] == 0
    connection.close()
