"""The database's tables, as the migrations that make them: numbered by ``PRAGMA user_version``."""

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
    # Which events go when, and how far each session had counted, without a look at the events themselves.
    """
    CREATE TABLE segment (
        id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, created INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    );
    CREATE TABLE aggregate (session TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO aggregate SELECT session, max(aggregate_seq) FROM event WHERE session <> '' GROUP BY session;
    DELETE FROM event WHERE seq <= (SELECT seq FROM horizon);
    INSERT INTO segment SELECT NULL, min(seq), max(seq), CAST(strftime('%s') AS INTEGER) * 1000, sum(length(data) + 256)
        FROM event GROUP BY seq / 500 ORDER BY 2;
    """,
    # Sessions of which clients were last told that they are not idle.
    """
    CREATE TABLE busy (session TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
)

# Of pages, for each connection. The kernel keeps the file in memory anyway; a reader's are useless after each write.
READ_CACHE_KB: Final = 256
WRITE_CACHE_KB: Final = 1024


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection for one thread at a time; the caller begins and ends transactions."""
    uri = path.absolute().as_uri() + ("?mode=ro" if readonly else "")
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KB if readonly else WRITE_CACHE_KB}")
    if not readonly:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; it must come first
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 16777216")
        connection.execute("PRAGMA secure_delete = FAST")  # what a client had deleted is not left inside of pages
    return connection
