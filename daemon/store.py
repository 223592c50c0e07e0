"""All SQL: a projection of the journal's events into sessions, messages and parts, and the questions asked of it.

Records are kept as the JSON that clients get, so that a listing joins bytes and decodes nothing. One connection writes,
from one thread; reads have a connection of their own and see the last committed batch.
"""

import contextlib
import itertools
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from oad.contract.ids import now_ms

from . import event_log
from .migration import open_store
from .projection import Recorded, as_kept, project
from .schema import connect


class SessionFilter(msgspec.Struct, frozen=True):
    """Which sessions to list, newest change first. ``limit`` None is all, 0 none."""

    directory: str | None = None
    project: str | None = None
    path: str | None = None
    roots: bool = False
    start: float | None = None
    before: int | None = None
    search: str | None = None
    archived: bool = True
    limit: int | None = 100
    offset: int = 0
    oldest_first: bool = False


class Store:
    """Raises SchemaTooNew, StoreUnusable at first, then sqlite3.Error when the disk or the file fails."""

    def __init__(self, path: Path, *, keep_copies: int = 2) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer, self.migrated_from = open_store(path, keep_copies=keep_copies)
        self._writing = threading.Lock()
        self.path = path
        # A connection for each that reads at the same moment; one per thread would stay open when the thread ends.
        self._readers: list[sqlite3.Connection] = []

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self._writer.close()  # the last one, which may, writes everything to its place and removes the log of writes

    # --- writing: one thread at a time ------------------------------------------------------------------------

    def commit(self, events: Sequence[Recorded], *, full: bool) -> None:
        """Applies and records a batch in one transaction; ``full`` waits until the disk has it."""
        with self.writing() as db:
            db.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            with transaction(db):
                for event in events:
                    project(db, event)
                kept = [as_kept(event) for event in events]
                db.executemany(
                    "INSERT INTO event VALUES (?,?,?,?,?,?,?,?)", [msgspec.structs.astuple(event) for event in kept]
                )
                event_log.note_recorded(db, kept, now_ms())
                for event in events:
                    if event.type == "session.deleted":
                        event_log.forget_session(db, event.session, event.seq)

    def prune_events(self, keep: int) -> int:
        """Forgets all but the newest ``keep`` events; returns how many went."""
        with self.writing() as db, transaction(db):
            through = event_log.find_excess(db, event_log.EventLimits(events=keep))
            return event_log.cut(db, through, through).events if through else 0

    @contextlib.contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """The connection that writes, for as long as it takes: the journal waits meanwhile."""
        with self._writing:
            yield self._writer

    def size(self) -> int:
        """Bytes on disk."""
        files = (self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    # --- reading ------------------------------------------------------------------------------------------------

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = connect(self.path, readonly=True)
        try:
            return reader.execute(sql, values).fetchall()
        finally:
            self._readers.append(reader)

    def _blobs(self, sql: str, values: Sequence[Any] = ()) -> list[bytes]:
        return [row[0] for row in self._rows(sql, values)]

    def last_seq(self) -> int:
        return int(self._rows("SELECT max((SELECT coalesce(max(seq), 0) FROM event), seq) FROM horizon")[0][0])

    def horizon(self) -> int:
        """Of the events up to this number not all are kept."""
        return int(self._rows("SELECT seq FROM horizon")[0][0])

    def aggregate_seq(self, session: str) -> int:
        sql = (
            "SELECT max((SELECT coalesce(max(aggregate_seq), 0) FROM event WHERE session = ?1),"
            " coalesce((SELECT seq FROM aggregate WHERE session = ?1), 0))"
        )
        return int(self._rows(sql, (session,))[0][0])

    def events_of(self, session: str, after: int) -> list[tuple[int, str, bytes]]:
        """(number within the session, type, properties) of those that are kept, in order."""
        sql = (
            "SELECT aggregate_seq, type, data FROM event WHERE session = ? AND aggregate_seq > ? ORDER BY aggregate_seq"
        )
        return [(int(row[0]), row[1], row[2]) for row in self._rows(sql, (session, after))]

    def messages_named(self, session: str, messages: Iterable[str]) -> list[tuple[str, int, bytes]]:
        """(id, created, info) ascending, of those that exist."""
        found = [
            (row[0], int(row[1]), row[2])
            for id in messages
            for row in self._rows("SELECT id, created, data FROM message WHERE session = ? AND id = ?", (session, id))
        ]
        return sorted(found, key=lambda each: (each[1], each[0]))

    def events_after(self, seq: int, limit: int, directory: str | None = None) -> list[Recorded]:
        where = "seq > ?" + ("" if directory is None else " AND directory IN (?, '')")
        values = (seq, limit) if directory is None else (seq, directory, limit)
        rows = self._rows(f"SELECT * FROM event WHERE {where} ORDER BY seq LIMIT ?", values)  # noqa: S608
        return [Recorded(*row) for row in rows]

    def events_page(self, seq: int, limit: int, size: int, directory: str | None = None) -> tuple[list[Recorded], bool]:
        """Events above a number, as many as fit: one at least, beyond it at most ``size`` bytes; and whether there are
        more."""
        where = "seq > ?" + ("" if directory is None else " AND directory IN (?, '')")
        values = (seq,) if directory is None else (seq, directory)
        heads = self._rows(
            f"SELECT seq, length(data) FROM event WHERE {where} ORDER BY seq LIMIT ?",  # noqa: S608
            (*values, limit + 1),
        )
        sizes = itertools.accumulate(length for _, length in heads[:limit])
        fitting = [
            head[0] for at, (head, total) in enumerate(zip(heads, sizes, strict=False)) if not at or total <= size
        ]
        if not fitting:
            return [], False
        rows = self._rows(f"SELECT * FROM event WHERE {where} AND seq <= ? ORDER BY seq", (*values, fitting[-1]))  # noqa: S608
        return [Recorded(*row) for row in rows], len(fitting) < len(heads)

    def event_id(self, seq: int) -> str | None:
        found = self._rows("SELECT id FROM event WHERE seq = ?", (seq,))
        return found[0][0] if found else None

    def session(self, session: str) -> bytes | None:
        found = self._blobs("SELECT data FROM session WHERE id = ?", (session,))
        return found[0] if found else None

    def sessions(self, wanted: SessionFilter) -> list[bytes]:
        where, values = _session_conditions(wanted)
        limit = -1 if wanted.limit is None else wanted.limit
        order = "updated, id DESC" if wanted.oldest_first else "updated DESC, id"
        sql = f"SELECT data FROM session WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return self._blobs(sql, (*values, limit, wanted.offset))

    def children(self, session: str) -> list[bytes]:
        """Subagents' sessions and forks, oldest first."""
        return self._blobs(
            "SELECT data FROM session WHERE parent = ?1 OR id IN (SELECT child FROM fork WHERE source = ?1)"
            " ORDER BY created, id",
            (session,),
        )

    def session_times(self) -> dict[str, int]:
        """When each was changed last (ms)."""
        return {row[0]: int(row[1]) for row in self._rows("SELECT id, updated FROM session")}

    def expired_sessions(self, unused_since: int | None, archived_since: int | None) -> list[str]:
        """Those that are nobody's subagents, and of which neither they nor what is below them were changed since the
        first time, or which were archived before the second (ms)."""
        top = "parent IS NULL OR parent NOT IN (SELECT id FROM session)"
        unused = (
            f"WITH RECURSIVE tree(top, id, updated) AS (SELECT id, id, updated FROM session WHERE {top}"  # noqa: S608
            " UNION ALL SELECT top, s.id, s.updated FROM session s JOIN tree ON s.parent = tree.id)"
            " SELECT top FROM tree GROUP BY top HAVING max(updated) < ?"
        )
        archived = f"SELECT id FROM session WHERE archived < ? AND ({top})"  # noqa: S608
        found = [] if unused_since is None else self._rows(unused, (unused_since,))
        found += [] if archived_since is None else self._rows(archived, (archived_since,))
        return sorted({row[0] for row in found})

    def session_bytes(self, session: str) -> int:
        """Of its messages and parts."""
        sql = (
            "SELECT (SELECT coalesce(sum(length(data)), 0) FROM message WHERE session = ?1)"
            " + (SELECT coalesce(sum(length(data)), 0) FROM part WHERE session = ?1)"
        )
        return int(self._rows(sql, (session,))[0][0])

    def session_count(self) -> int:
        return int(self._rows("SELECT count(*) FROM session")[0][0])

    def child_ids(self, session: str) -> list[str]:
        """Only subagents: what ends with its parent."""
        return [row[0] for row in self._rows("SELECT id FROM session WHERE parent = ?", (session,))]

    def todo(self, session: str) -> bytes:
        found = self._blobs("SELECT data FROM todo WHERE session = ?", (session,))
        return found[0] if found else b"[]"

    def diff(self, session: str) -> bytes:
        """What the session has changed, as it was last told."""
        found = self._blobs("SELECT data FROM diff WHERE session = ?", (session,))
        return found[0] if found else b"[]"

    def share(self, id: str) -> tuple[str, int | None] | None:
        """(session, milliseconds when it expires or None) of what is shared under that name."""
        found = self._rows("SELECT session, expires FROM share WHERE id = ?", (id,))
        return (found[0][0], found[0][1]) if found else None

    def share_of(self, session: str) -> tuple[str, int | None] | None:
        """(name, milliseconds when it expires or None)"""
        found = self._rows("SELECT id, expires FROM share WHERE session = ?", (session,))
        return (found[0][0], found[0][1]) if found else None

    def receipt(self, session: str) -> bytes | None:
        found = self._blobs("SELECT data FROM receipt WHERE session = ?", (session,))
        return found[0] if found else None

    def sandbox(self, session: str) -> bytes | None:
        found = self._blobs("SELECT data FROM sandbox WHERE session = ?", (session,))
        return found[0] if found else None

    def directories(self, limit: int) -> list[str]:
        """Where sessions work, those that were used last first."""
        sql = "SELECT directory FROM session GROUP BY directory ORDER BY max(updated) DESC LIMIT ?"
        return [row[0] for row in self._rows(sql, (limit,))]

    def message(self, session: str, message: str) -> bytes | None:
        found = self._blobs("SELECT data FROM message WHERE session = ? AND id = ?", (session, message))
        return found[0] if found else None

    def messages(
        self, session: str, *, limit: int | None = None, before: tuple[int, str] | None = None
    ) -> list[tuple[str, int, bytes]]:
        """(id, created, info) ascending; of all or of the newest ``limit`` that lie before a cursor (created, id)."""
        where, values = "session = ?", [session]
        cursor: list[Any] = []
        if before is not None:
            where += " AND (created, id) < (?, ?)"
            cursor = list(before)
        rows = self._rows(
            f"SELECT id, created, data FROM message WHERE {where} ORDER BY created DESC, id DESC LIMIT ?",  # noqa: S608
            (*values, *cursor, -1 if limit is None else limit),
        )
        return [(row[0], int(row[1]), row[2]) for row in reversed(rows)]

    def parts(self, session: str, messages: Iterable[str] | None = None) -> list[tuple[str, str, bytes]]:
        """(message, id, part) in order; of one session or some of its messages."""
        if messages is None:
            sql, values = "SELECT message, id, data FROM part WHERE session = ? ORDER BY message, id", [session]
            return [(row[0], row[1], row[2]) for row in self._rows(sql, values)]
        wanted = list(messages)
        found: list[tuple[str, str, bytes]] = []
        for start in range(0, len(wanted), 500):  # SQLite's limit on variables is far above this
            some = wanted[start : start + 500]
            marks = ",".join("?" * len(some))
            sql = f"SELECT message, id, data FROM part WHERE session = ? AND message IN ({marks}) ORDER BY message, id"  # noqa: S608
            found += [(row[0], row[1], row[2]) for row in self._rows(sql, (session, *some))]
        return found

    def part(self, session: str, part: str) -> bytes | None:
        found = self._blobs("SELECT data FROM part WHERE session = ? AND id = ?", (session, part))
        return found[0] if found else None

    def open_sessions(self) -> list[str]:
        """Sessions with a message or a part that was never completed: what recovery closes."""
        sql = "SELECT session FROM message WHERE open = 1 UNION SELECT session FROM part WHERE open = 1"
        return [row[0] for row in self._rows(sql)]

    def busy_sessions(self) -> list[str]:
        """Sessions of which clients were last told that they are not idle."""
        return [row[0] for row in self._rows("SELECT session FROM busy")]

    def open_messages(self, session: str) -> list[str]:
        """Those that are not completed or have a part that is not."""
        sql = (
            "SELECT id FROM message WHERE session = ?1 AND open = 1"
            " UNION SELECT message FROM part WHERE session = ?1 AND open = 1"
        )
        return [row[0] for row in self._rows(sql, (session,))]

    def projects(self) -> list[bytes]:
        return self._blobs("SELECT data FROM project ORDER BY id")

    def project(self, project: str) -> bytes | None:
        found = self._blobs("SELECT data FROM project WHERE id = ?", (project,))
        return found[0] if found else None


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Generator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite ends it by itself when the disk is full
            db.execute("ROLLBACK")
        raise


def _session_conditions(wanted: SessionFilter) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, Any]] = [
        ("directory = ?", wanted.directory),
        ("project = ?", wanted.project),
        ("(path = ? OR instr(path, ? || '/') = 1)", wanted.path),
        ("updated >= ?", wanted.start),
        ("updated < ?", wanted.before),
        ("title LIKE ?", None if wanted.search is None else f"%{wanted.search}%"),
    ]
    chosen = [(sql, value) for sql, value in conditions if value is not None]
    where = [sql for sql, _ in chosen]
    values = [value for sql, value in chosen for _ in range(sql.count("?"))]
    if wanted.roots:
        where.append("parent IS NULL")
    if not wanted.archived:
        where.append("archived IS NULL")
    return " AND ".join(where) or "1", values
