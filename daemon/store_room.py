"""Room that the store takes, given back in steps which are short enough for the journal to write between them.

Each function blocks for a few milliseconds, as a rule, and is called from a thread.
"""

import sqlite3
from typing import Final

from oad.contract.ids import now_ms
from oad.contract.limits import MEGABYTE
from oad.contract.policy import StoragePolicy

from . import event_log
from .event_log import EventLimits, Forgotten
from .store import Store, transaction

_DAY_MS: Final = 86_400_000
_EVENTS_AT_ONCE: Final = 250
_PAGES_AT_ONCE: Final = 256
_FREE_PAGES: Final = 4096  # that may lie fallow: they are written to again soon
_WAL_BYTES: Final = 8 * MEGABYTE


def event_limits(policy: StoragePolicy, now: int) -> EventLimits:
    return EventLimits(policy.events, policy.events_mb * MEGABYTE, now - policy.events_days * _DAY_MS)


def find_excess(store: Store, policy: StoragePolicy) -> int:
    """The number of the newest event that is too old, or one too many; 0 for none."""
    with store.writing() as db:
        return event_log.find_excess(db, event_limits(policy, now_ms()))


def forget_some(store: Store, through: int) -> Forgotten:
    """Some of the events up to that number, the oldest first; none when all are gone."""
    with store.writing() as db, transaction(db):
        return event_log.cut(db, through, _EVENTS_AT_ONCE)


def count_excess(store: Store, through: int) -> Forgotten:
    with store.writing() as db:
        return event_log.count_through(db, through)


def free_pages(store: Store) -> int:
    with store.writing() as db:
        return int(db.execute("PRAGMA freelist_count").fetchone()[0])


def page_bytes(store: Store) -> int:
    with store.writing() as db:
        return int(db.execute("PRAGMA page_size").fetchone()[0])


def has_too_many_pages(store: Store) -> bool:
    return free_pages(store) > _FREE_PAGES


def give_back_some(store: Store) -> bool:
    """Some free pages to the file system; whether there are more."""
    with store.writing() as db:
        before = db.execute("PRAGMA freelist_count").fetchone()[0]
        db.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")  # execute() stops after the first page
        after = db.execute("PRAGMA freelist_count").fetchone()[0]
    return 0 < int(after) < int(before)  # a file of an earlier version which could not be rewritten keeps its pages


def is_wal_long(store: Store) -> bool:
    wal = store.path.with_name(store.path.name + "-wal")
    return wal.exists() and wal.stat().st_size > _WAL_BYTES


def empty_wal(store: Store) -> bool:
    """What was written ahead goes to its place, and its file is emptied; not while somebody reads."""
    with store.writing() as db:
        db.execute("PRAGMA busy_timeout = 50")  # nobody shall wait for a long read because of this
        try:
            busy: int = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy
        except sqlite3.OperationalError:  # a full disk, or somebody copies the store: it is tried again
            return False
        finally:
            db.execute("PRAGMA busy_timeout = 5000")
