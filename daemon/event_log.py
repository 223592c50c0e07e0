"""Which events are kept: counted in segments as they are recorded, and forgotten from the oldest on.

A segment is a run of events with its size and time, so that what must go is found in a few hundred small rows. All here
is SQL on the connection that writes, in the caller's transaction.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from .projection import Recorded

_ROW_BYTES: Final = 256  # of an event besides its content, its entries in indexes among them
_SEGMENT_EVENTS: Final = 500
_SEGMENT_BYTES: Final = 1 << 20
_SEGMENT_MS: Final = 3_600_000


class EventLimits(msgspec.Struct, frozen=True):
    """What is kept at most: a number, bytes, and the time (ms) before which a segment must have begun to go."""

    events: int | None = None
    bytes: int | None = None
    before: int | None = None


class Forgotten(msgspec.Struct, frozen=True):
    events: int = 0
    bytes: int = 0

    def __add__(self, other: "Forgotten") -> "Forgotten":
        return Forgotten(self.events + other.events, self.bytes + other.bytes)


def note_recorded(db: sqlite3.Connection, events: Sequence[Recorded], now: int) -> None:
    """Right after they were recorded; they follow one another."""
    size = sum(len(event.properties) for event in events) + len(events) * _ROW_BYTES
    last = events[-1].seq
    changed = db.execute(
        "UPDATE segment SET last = ?, bytes = bytes + ? WHERE id = (SELECT max(id) FROM segment)"
        " AND last - first < ? AND bytes < ? AND created > ?",
        (last, size, _SEGMENT_EVENTS, _SEGMENT_BYTES, now - _SEGMENT_MS),
    )
    if not changed.rowcount:
        db.execute("INSERT INTO segment VALUES (NULL, ?, ?, ?, ?)", (events[0].seq, last, now, size))


def size(db: sqlite3.Connection) -> int:
    """Bytes of all events kept, about."""
    return int(db.execute("SELECT coalesce(sum(bytes), 0) FROM segment").fetchone()[0])


def find_excess(db: sqlite3.Connection, limits: EventLimits) -> int:
    """The number of the newest event that must go, with all before it; 0 for none."""
    segments = db.execute("SELECT last, created, bytes FROM segment ORDER BY id DESC").fetchall()
    if not segments:
        return 0
    found = 0 if limits.events is None else int(segments[0][0]) - limits.events
    total = 0
    for last, created, bytes in segments:
        too_old = limits.before is not None and created + _SEGMENT_MS < limits.before
        # The newest one stays, however large: somebody is about to read it.
        if too_old or (limits.bytes is not None and total and total + bytes > limits.bytes):
            found = max(found, int(last))
            break
        total += bytes
    return max(found, 0)


def count_through(db: sqlite3.Connection, through: int) -> Forgotten:
    """What ``cut`` would remove in all."""
    events = db.execute("SELECT count(*) FROM event WHERE seq <= ?", (through,)).fetchone()[0]
    whole = db.execute("SELECT coalesce(sum(bytes), 0) FROM segment WHERE last <= ?", (through,)).fetchone()[0]
    return Forgotten(int(events), int(whole))


def cut(db: sqlite3.Connection, through: int, most: int) -> Forgotten:
    """Forgets events up to that number, ``most`` of them; how far each session had counted stays known."""
    oldest = "SELECT seq, data FROM event WHERE seq <= ? ORDER BY seq LIMIT ?"
    last, count, data = db.execute(
        f"SELECT max(seq), count(*), sum(length(data)) FROM ({oldest})",  # noqa: S608
        (through, most),
    ).fetchone()
    end = through if count < most else int(last)
    db.execute(
        "INSERT INTO aggregate SELECT session, max(aggregate_seq) FROM event"
        " WHERE seq <= ? AND session <> '' AND type <> 'session.deleted' GROUP BY session"
        " ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
        (end,),
    )
    db.execute("DELETE FROM segment WHERE last <= ?", (end,))
    db.execute(  # the one that is cut in two
        "UPDATE segment SET first = ?1 + 1, bytes = bytes - ("
        " SELECT coalesce(sum(length(data) + ?2), 0) FROM event WHERE seq BETWEEN segment.first AND ?1"
        ") WHERE first <= ?1",
        (end, _ROW_BYTES),
    )
    db.execute("DELETE FROM event WHERE seq <= ?", (end,))
    db.execute("UPDATE horizon SET seq = max(seq, ?)", (end,))
    return Forgotten(count, int(data or 0) + count * _ROW_BYTES)


def forget_session(db: sqlite3.Connection, session: str, before: int) -> None:
    """Of a session that was deleted its end alone is told, to those who have not heard of it."""
    db.execute(
        "UPDATE segment SET bytes = bytes - gone.size FROM ("
        " SELECT (SELECT max(id) FROM segment WHERE first <= event.seq) AS id, sum(length(data) + ?) AS size"
        " FROM event WHERE session = ? AND seq < ? GROUP BY 1) AS gone WHERE segment.id = gone.id",
        (_ROW_BYTES, session, before),
    )
    db.execute("DELETE FROM event WHERE session = ? AND seq < ?", (session, before))
    db.execute("DELETE FROM aggregate WHERE session = ?", (session,))
