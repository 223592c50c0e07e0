"""What must not be forgotten of prompts over a restart of the daemon: the answers to repeated ones, and who waits.

A file of its own beside the store: what is written here concerns no client's data, is needed before a prompt is let in,
and is of no use in a backup.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog
import trio

from oad.link import Answer

_log = structlog.get_logger("oad.register")

_CACHE_KB: Final = 256  # of pages; one row at a time is looked for
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS delivery (
        user TEXT NOT NULL, op TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, message TEXT NOT NULL,
        created INTEGER NOT NULL, status INTEGER, headers BLOB, body BLOB, PRIMARY KEY (user, op, key)
    );
    CREATE INDEX IF NOT EXISTS delivery_created ON delivery (created);
    CREATE TABLE IF NOT EXISTS waiting (session TEXT PRIMARY KEY);
"""
_T = TypeVar("_T")


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    path.chmod(0o600)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_TABLES)
    return db


class DeliveryKey(msgspec.Struct, frozen=True):
    """Each user has keys of their own, for each operation."""

    user: str
    op: str
    key: str


class Delivery(msgspec.Struct, frozen=True):
    """The first with its key: ``digest`` of what was asked, ``message`` it makes, and its answer once there is one."""

    digest: bytes
    message: str
    answer: Answer | None = None


class Register:
    """Raises sqlite3.Error when the disk or the file does. What is written is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        """A file that can't be read is set aside: nobody should be without a service because of it."""
        try:
            self._db = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # the disk is to blame, not the file
            _log.error("what was noted of prompts can't be read", file=str(path), error=str(error))
            path.rename(path.with_suffix(".damaged"))
            self._db = _open(path)
        self._lock = trio.Lock()

    def close(self) -> None:
        self._db.close()

    async def _run(self, work: Callable[[], _T]) -> _T:
        """In a thread, one after the other: a connection can't serve two."""
        async with self._lock:
            return await trio.to_thread.run_sync(work)  # is waited for, whatever is cancelled

    async def _write(self, sql: str, *values: Any) -> int:
        return await self._run(lambda: self._db.execute(sql, values).rowcount)

    # --- deliveries -----------------------------------------------------------------------------------------------

    async def find(self, key: DeliveryKey) -> Delivery | None:
        sql = "SELECT digest, message, status, headers, body FROM delivery WHERE user = ? AND op = ? AND key = ?"
        row = await self._run(lambda: self._db.execute(sql, msgspec.structs.astuple(key)).fetchone())
        if row is None:
            return None
        digest, message, status, headers, body = row
        if status is None:
            return Delivery(digest, message)
        return Delivery(digest, message, Answer(body, status, msgspec.json.decode(headers, type=dict[str, str])))

    async def begin(self, key: DeliveryKey, delivery: Delivery, now_ms: int) -> None:
        row = (*msgspec.structs.astuple(key), delivery.digest, delivery.message, now_ms)
        await self._write("INSERT OR REPLACE INTO delivery VALUES (?,?,?,?,?,?,NULL,NULL,NULL)", *row)

    async def finish(self, key: DeliveryKey, answer: Answer) -> None:
        sql = "UPDATE delivery SET status = ?, headers = ?, body = ? WHERE user = ? AND op = ? AND key = ?"
        values = (answer.status, msgspec.json.encode(answer.headers), answer.body)
        await self._write(sql, *values, *msgspec.structs.astuple(key))

    async def forget(self, key: DeliveryKey) -> None:
        await self._write("DELETE FROM delivery WHERE user = ? AND op = ? AND key = ?", *msgspec.structs.astuple(key))

    async def prune(self, before_ms: int, keep: int) -> int:
        """Forgets answers that are older, and all but the newest; those that are not there yet stay. Returns how many
        went."""
        sql = (
            "DELETE FROM delivery WHERE status IS NOT NULL AND (created < ?1 OR created <"
            " (SELECT created FROM delivery ORDER BY created DESC LIMIT 1 OFFSET ?2)) OR created < ?1 - 86400000"
        )
        return await self._write(sql, before_ms, keep - 1)

    # --- who waits ------------------------------------------------------------------------------------------------

    async def add_waiting(self, session: str) -> None:
        await self._write("INSERT OR REPLACE INTO waiting VALUES (?)", session)

    async def remove_waiting(self, session: str) -> None:
        await self._write("DELETE FROM waiting WHERE session = ?", session)

    async def take_waiting(self) -> list[str]:
        """Those whom the last daemon left, who are then forgotten."""
        rows = await self._run(lambda: self._db.execute("DELETE FROM waiting RETURNING session").fetchall())
        return sorted(row[0] for row in rows)
