"""The database's tables and how older files are brought up to date.

Migrations are numbered by ``PRAGMA user_version``, each runs in one transaction, and a verified copy of the file is
made before the first that applies to existing data.
"""

import sqlite3
from pathlib import Path
from typing import Final

MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE project (id TEXT PRIMARY KEY, worktree TEXT NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE session (
        id TEXT PRIMARY KEY, project TEXT NOT NULL, directory TEXT NOT NULL, path TEXT, parent TEXT,
        title TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, archived INTEGER, data BLOB NOT NULL
    );
    CREATE INDEX session_directory ON session (directory, updated);
    CREATE INDEX session_project ON session (project, updated);
    CREATE INDEX session_parent ON session (parent);
    CREATE TABLE fork (child TEXT PRIMARY KEY, source TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX fork_source ON fork (source);
    CREATE TABLE message (
        session TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL, open INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (session, id)
    );
    CREATE INDEX message_order ON message (session, created, id);
    CREATE INDEX message_open ON message (session) WHERE open = 1;
    CREATE TABLE part (
        session TEXT NOT NULL, id TEXT NOT NULL, message TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (session, id)
    );
    CREATE INDEX part_order ON part (session, message, id);
    CREATE TABLE todo (session TEXT PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE receipt (session TEXT PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, directory TEXT NOT NULL, project TEXT NOT NULL,
        session TEXT NOT NULL, aggregate_seq INTEGER NOT NULL, data BLOB NOT NULL
    );
    CREATE INDEX event_session ON event (session, aggregate_seq);
    """,
    """
    ALTER TABLE part ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX part_open ON part (session, message) WHERE open = 1;
    CREATE TABLE horizon (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL);
    INSERT INTO horizon VALUES (1, 0);
    """,
    """
    CREATE TABLE sandbox (session TEXT PRIMARY KEY, data BLOB NOT NULL);
    """,
    """
    CREATE TABLE diff (session TEXT PRIMARY KEY, data BLOB NOT NULL);
    """,
    """
    CREATE TABLE share (id TEXT PRIMARY KEY, session TEXT NOT NULL UNIQUE, expires INTEGER) WITHOUT ROWID;
    """,
)


class SchemaTooNew(Exception):
    """The file was written by a newer oad; opening it could lose what this version does not know."""


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection for one thread at a time; the caller begins and ends transactions."""
    uri = f"file:{path}" + ("?mode=ro" if readonly else "")
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def migrate(connection: sqlite3.Connection, path: Path) -> int:
    """Brings the file to the newest version and returns the version it had. Raises SchemaTooNew."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise SchemaTooNew(f"{path} has schema version {found}, this oad knows {len(MIGRATIONS)}: use a newer oad")
    if 0 < found < len(MIGRATIONS):
        _back_up(connection, path.with_suffix(f".v{found}.bak"))
    for version in range(found, len(MIGRATIONS)):
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[version]}; PRAGMA user_version = {version + 1}; COMMIT;"
        )
    return found


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    with sqlite3.connect(target) as copy:
        connection.backup(copy)
        verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    copy.close()
    target.chmod(0o600)
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy {target} made before the migration is damaged: {verdict}")
