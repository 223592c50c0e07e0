"""How an older store is brought up to date: a verified copy first, then one transaction for each step.

Whenever the process is killed meanwhile, the file is of one version or the next, and the next start goes on from there.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import structlog

from .schema import MIGRATIONS, connect

_log = structlog.get_logger("oad.store")

_INCREMENTAL: Final = 2  # of PRAGMA auto_vacuum


class SchemaTooNew(Exception):
    """The file was written by a newer oad; opening it could lose what this version does not know."""


class StoreUnusable(Exception):
    """It can't be opened, copied or brought up to date; the text says why."""


def open_store(path: Path, *, keep_copies: int = 2) -> tuple[sqlite3.Connection, int]:
    """The file of the newest version, made if there is none, and the version it had. A newer one is not touched.

    Raises SchemaTooNew, StoreUnusable."""
    with _explained(path):
        if path.exists():
            _refuse_newer(path)
        connection = connect(path)
        try:
            path.chmod(0o600)
            return connection, migrate(connection, path, keep_copies=keep_copies)
        except BaseException:
            connection.close()
            raise


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"the store {path} can't be opened: {error}") from error


def _refuse_newer(path: Path) -> None:
    """Looks only: even to switch a file's journal mode is to change it."""
    with contextlib.closing(connect(path, readonly=True)) as connection:
        check_version(connection, path)


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Raises SchemaTooNew."""
    found = version_of(connection)
    if found > len(MIGRATIONS):
        raise SchemaTooNew(f"{path} has schema version {found}, this oad knows {len(MIGRATIONS)}: use a newer oad")
    return found


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path, *, keep_copies: int = 2) -> int:
    """Brings the file to the newest version and returns the version it had. Raises SchemaTooNew, sqlite3.Error."""
    found = check_version(connection, path)
    if 0 < found < len(MIGRATIONS):
        copy = _copy_aside(connection, path, found, keep_copies)
        _log.warning("the store is brought up to date", version=found, newest=len(MIGRATIONS), copy=str(copy))
    for version in range(found, len(MIGRATIONS)):
        _step(connection, version)
    if found:
        _give_back_pages(connection)
    return found


def _step(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(MIGRATIONS[version]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def statements(script: str) -> Iterator[str]:
    """One after the other; none of ours has a semicolon in a text."""
    return (statement for each in script.split(";") if (statement := each.strip()))


def _give_back_pages(connection: sqlite3.Connection) -> None:
    """Older files never shrink. To change that is to write them anew, which needs as much room again: where there is
    none, they go on as they are."""
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
        return
    try:
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
        connection.execute("VACUUM")
    except sqlite3.Error as error:
        _log.warning("the store can't be rewritten; it will not shrink", error=str(error))


def _copy_aside(connection: sqlite3.Connection, path: Path, version: int, keep: int) -> Path:
    """Under its name only when it is whole and on the disk."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_suffix(f".v{version}-{stamp}.bak")
    fresh = path.with_suffix(".bak.new")
    copy_store(connection, fresh)
    fresh.rename(target)
    sync_directory(path.parent)
    for old in copies_of(path)[: -max(keep, 1)]:
        old.unlink()
    return target


def copies_of(path: Path) -> list[Path]:
    """Those that were made before migrations, the oldest first."""
    return sorted(path.parent.glob(f"{path.stem}.v*.bak"), key=lambda each: (each.stat().st_mtime_ns, each.name))


def copy_store(connection: sqlite3.Connection, target: Path) -> None:
    """A consistent copy while others write, checked, and on the disk afterwards. Raises sqlite3.Error, OSError."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, that needs no other
            verify_integrity(copy, target)
        _sync_file(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def verify_integrity(connection: sqlite3.Connection, shown: Path) -> None:
    """Raises sqlite3.DatabaseError with what is wrong."""
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"{shown} is damaged: {verdict}")


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """A new name in it is on the disk afterwards."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
