"""A backup put in the place of what a data directory has: checked before anything is touched, swapped as a whole.

What was unpacked and found good becomes valid by one renaming, to ``restore-ready``. Whoever comes next, this command
or the next start of the server, moves what was there aside and the new files in; each step may be repeated, so that a
kill at any moment leaves either the old data or, in the end, the new.
"""

import contextlib
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from .backup import STORE, BackupFailed, Manifest, explained, opened_backup, verified
from .migration import SchemaTooNew, check_version, sync_directory, verify_integrity
from .schema import MIGRATIONS

_READY: Final = "restore-ready"
_STAGING: Final = ".restore-"
_ASIDE: Final = "before-restore-"
_PLACE: Final = "aside"  # in what is ready: the name under which the old files are kept
# What belongs to a store and would spoil another one: what SQLite keeps beside it, and the prompts that wait.
_WAITING: Final = "admission.db"
_BESIDE: Final = tuple(f"{name}{end}" for name in (_WAITING, STORE) for end in ("-wal", "-shm"))


class Restored(msgspec.Struct, frozen=True):
    """``aside``: where the files are that were there before; None if there were none."""

    manifest: Manifest
    aside: Path | None


def restore_backup(file: Path, data: Path, *, replace: bool) -> Restored:
    """The caller holds the instance lock. Blocks. Raises BackupFailed, SchemaTooNew; then nothing has changed."""
    with explained(f"can't restore {file}", BackupFailed):
        finish_restore(data)
        for old in leftovers_of_restores(data):
            shutil.rmtree(old)
        if (data / STORE).exists() and not replace:
            raise BackupFailed(f"{data} has a store already; --force replaces it, and keeps the old one beside it")
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=data))
        try:
            manifest = _unpack(file, staging)
            _make_ready(staging, data)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return Restored(manifest, finish_restore(data))


def _unpack(file: Path, staging: Path) -> Manifest:
    with opened_backup(file) as (manifest, archive):
        if manifest.schema > len(MIGRATIONS):
            known = f"this oad knows {len(MIGRATIONS)}: use a newer oad"
            raise SchemaTooNew(f"{file} has schema version {manifest.schema}, {known}")
        for written in verified(manifest, archive, staging):
            written.chmod(0o600)
    with contextlib.closing(sqlite3.connect(staging / STORE)) as store:
        check_version(store, file)
        verify_integrity(store, file)
    return manifest


def _make_ready(staging: Path, data: Path) -> None:
    """From the renaming on the restore counts."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (staging / _PLACE).write_text(f"{_ASIDE}{stamp}-{secrets.token_hex(3)}")
    _give_to_owner(staging, data)
    sync_directory(staging)
    staging.rename(data / _READY)
    sync_directory(data)


def _give_to_owner(staging: Path, data: Path) -> None:
    """Root may do this for a service that runs as somebody else."""
    owner = data.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for each in (staging, *staging.iterdir()):
            os.chown(each, owner.st_uid, owner.st_gid)


def finish_restore(data: Path) -> Path | None:
    """Completes a restore that counts already; without one nothing happens. The caller holds the instance lock.

    Returns where the old files are. Raises OSError."""
    ready = data / _READY
    if not ready.is_dir():
        return None
    aside = data / (ready / _PLACE).read_text()
    if (ready / STORE).exists():
        for name in (*_BESIDE, _WAITING, STORE):
            _keep(data / name, aside)
    for new in sorted(ready.iterdir()):
        if new.name != _PLACE:
            if new.name != STORE:
                _keep(data / new.name, aside)
            new.rename(data / new.name)
    sync_directory(data)
    done = Path(tempfile.mkdtemp(prefix=_STAGING, dir=data))
    ready.rename(done)  # over an empty one: half of it removed, it must not be taken for one that counts
    shutil.rmtree(done)
    return aside if aside.exists() else None


def _keep(old: Path, aside: Path) -> None:
    """A second time there may be nothing to do; what was kept the first time is what was there."""
    if not old.exists() or (aside / old.name).exists():
        return
    if not aside.exists():
        aside.mkdir(mode=0o700)
        _give_to_owner(aside, aside.parent)
    old.rename(aside / old.name)
    sync_directory(aside)


def leftovers_of_restores(data: Path) -> list[Path]:
    """What was unpacked by a command that was killed."""
    return [each for each in sorted(data.glob(f"{_STAGING}*")) if each.is_dir() and not each.is_symlink()]
