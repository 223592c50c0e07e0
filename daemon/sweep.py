"""One pass over all that a data directory keeps: what belongs to nobody goes, and what is more than may be.

The steps are those of a daemon that runs and of a command that does it alone; they block and belong on a thread.
"""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.policy import Policy
from oad.contract.upkeep import KINDS, Kind, Removed, SweepReport

from . import store_room
from .disk_use import DiskUse
from .leftovers import Leftovers, Listing
from .migration import copies_of
from .old_logs import remove_old_logs
from .old_outputs import choose_old, list_outputs, remove_outputs
from .restoring import leftovers_of_restores
from .store import Store

_DAY_MS: Final = 86_400_000
_SCRATCH: Final = "scratch"


class Tally(msgspec.Struct):
    """What was removed so far, by kind."""

    used: dict[Kind, DiskUse] = {}
    left: list[str] = []

    def add(self, kind: Kind, use: DiskUse) -> None:
        self.used[kind] = self.used.get(kind, DiskUse()) + use

    def report(self, *, dry: bool) -> SweepReport:
        found: dict[Kind, DiskUse] = {kind: self.used.get(kind, DiskUse()) for kind in KINDS}
        removed = [Removed(kind=kind, items=use.items, bytes=use.bytes) for kind, use in found.items()]
        return SweepReport(dry_run=dry, removed=removed, left=self.left[:100])


class Sweep:
    """``log_file`` None: logs are somebody else's."""

    def __init__(self, data: Path, policy: Policy, store: Store, log_file: Path | None, *, dry: bool) -> None:
        self._data = data
        self._policy = policy
        self._store = store
        self._log_file = log_file
        self.dry = dry
        self.tally = Tally()
        self.leftovers = Leftovers(data, policy)

    def expired_sessions(self) -> list[str]:
        """By their age; with all that is below them."""
        storage, now = self._policy.storage, time.time() * 1000
        limits = (storage.sessions_days, storage.archived_days)
        unused, archived = (None if days is None else int(now - days * _DAY_MS) for days in limits)
        return self._store.expired_sessions(unused, archived)

    def tree_of(self, session: str) -> list[str]:
        """With its subagents' sessions, the deepest first."""
        below = [each for child in self._store.child_ids(session) for each in self.tree_of(child)]
        return [*below, session]

    def count_session(self, session: str) -> None:
        self.tally.add("sessions", DiskUse(1, self._store.session_bytes(session)))

    def count_events(self) -> None:
        """Of a dry run."""
        through = store_room.find_excess(self._store, self._policy.storage)
        excess = store_room.count_excess(self._store, through)
        self.tally.add("events", DiskUse(excess.events, excess.bytes))

    def clear_files(self, listing: Listing, sessions: Mapping[str, int]) -> None:
        """Files of which nobody can be about to make use."""
        self.tally.add("snapshots", self.leftovers.remove_indexes(listing, sessions, dry=self.dry))
        self.clear_plain_files()

    def clear_plain_files(self) -> None:
        """Those of them of which the store knows nothing: nothing is written for that."""
        scratch, tally = self._data / _SCRATCH, self.tally
        old = choose_old(list_outputs(scratch), self._policy.storage, time.time())
        gone = DiskUse(len(old), sum(file.bytes for file in old)) if self.dry else remove_outputs(scratch, old)
        tally.add("outputs", gone)
        if self._log_file is not None:
            tally.add("logs", remove_old_logs(self._log_file, self._policy.storage.log_files, dry=self.dry))
        tally.add("copies", self._clear_copies())

    def _clear_copies(self) -> DiskUse:
        keep, use = self._policy.storage.migration_copies, DiskUse()
        unfinished = self._store.path.with_suffix(".bak.new")
        for old in [*copies_of(self._store.path)[:-keep], *([unfinished] if unfinished.exists() else [])]:
            use += DiskUse(1, old.stat().st_size)
            if not self.dry:
                old.unlink()
        for staged in leftovers_of_restores(self._data):
            use += DiskUse(1, sum(file.lstat().st_size for file in staged.iterdir()))
            if not self.dry:
                shutil.rmtree(staged)
        return use

    def count_pages(self) -> None:
        """Before they are given back."""
        pages = store_room.free_pages(self._store)
        self.tally.add("pages", DiskUse(pages, pages * store_room.page_bytes(self._store)))
