"""A sweep of a data directory on which no server works."""

import contextlib
import time
from pathlib import Path

import msgspec

from oad.contract.ids import new_id
from oad.contract.policy import Policy
from oad.contract.session import decode_session
from oad.contract.upkeep import SweepReport

from . import store_room
from .ballast import Ballast
from .disk_use import DiskUse
from .instance_lock import DAEMON_LOCK, PARENT_LOCK, InstanceLock
from .migration import StoreUnusable, check_version
from .own_directories import OwnDirectories
from .projection import Recorded
from .restoring import finish_restore
from .schema import MIGRATIONS, connect
from .snapshot_places import PLACE_NAME
from .store import Store
from .store_trouble import free_mb
from .sweep import Sweep


def sweep_alone(data: Path, policy: Policy, log_file: Path | None, *, dry: bool) -> SweepReport:
    """Blocks. Raises AlreadyRunning, SchemaTooNew, StoreUnusable, sqlite3.Error, OSError."""
    database = data / "oad.db"
    if not database.exists():
        raise StoreUnusable(f"there is no store in {data}")
    with InstanceLock(data, PARENT_LOCK), InstanceLock(data, DAEMON_LOCK):
        _make_way(data, policy)
        finish_restore(data)
        _check_age(database)
        store = Store(database)
        with contextlib.closing(store):
            sweep = Sweep(data, policy, store, log_file, dry=dry)
            _expire_sessions(sweep, store)
            _forget_events(sweep, store, policy)
            _clear_leftovers(sweep, store, data)
            _give_back(sweep, store)
        return sweep.tally.report(dry=dry)


def _make_way(data: Path, policy: Policy) -> None:
    """Even to open the store, and to look at it, takes a little room. The next daemon lays the ballast again."""
    free = free_mb(data)
    if free is not None and free < policy.storage.ballast_mb:
        Ballast(data).release()


def _check_age(database: Path) -> None:
    """To bring it up to date is not what was asked for."""
    with contextlib.closing(connect(database, readonly=True)) as connection:
        found = check_version(connection, database)
    if found < len(MIGRATIONS):
        raise StoreUnusable(f"{database} is of an older oad: start the server once, which brings it up to date")


def _expire_sessions(sweep: Sweep, store: Store) -> None:
    for top in sweep.expired_sessions():
        for session in sweep.tree_of(top):
            sweep.count_session(session)
            if not sweep.dry:
                _delete(store, session)


def _delete(store: Store, id: str) -> None:
    """As a daemon does it, so that clients which come back hear of it."""
    data = store.session(id)
    if data is None:
        return
    session = decode_session(data)
    event = Recorded(
        seq=store.last_seq() + 1,
        id=new_id("evt"),
        type="session.deleted",
        directory=session.directory,
        project=session.project_id,
        session=id,
        aggregate_seq=store.aggregate_seq(id) + 1,
        properties=msgspec.json.encode({"sessionID": id, "info": session}),
    )
    store.commit([event], full=True)


def _forget_events(sweep: Sweep, store: Store, policy: Policy) -> None:
    if sweep.dry:
        sweep.count_events()
        return
    through = store_room.find_excess(store, policy.storage)
    while through and (gone := store_room.forget_some(store, through)).events:
        sweep.tally.add("events", DiskUse(gone.events, gone.bytes))


def _clear_leftovers(sweep: Sweep, store: Store, data: Path) -> None:
    listing = sweep.leftovers.look()
    sessions = store.session_times()
    found = sweep.leftovers.choose(listing, sessions, time.time())
    for kind, use in sweep.leftovers.measure(found).items():
        sweep.tally.add(kind, use)
    sweep.clear_files(listing, sessions)
    if not sweep.dry:
        for each in found:
            sweep.leftovers.set_aside(each)
        for place in (OwnDirectories(data / "scratch"), OwnDirectories(data / "snapshots", PLACE_NAME)):
            place.sweep()
        sweep.tally.left += sweep.leftovers.remove_aside()


def _give_back(sweep: Sweep, store: Store) -> None:
    sweep.count_pages()
    if not sweep.dry:
        while store_room.give_back_some(store):
            pass
        store_room.empty_wal(store)
