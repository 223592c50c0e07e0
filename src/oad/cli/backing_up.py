"""``oad backup`` and ``oad restore``."""

import os
from pathlib import Path

from oad.daemon.backup import BackupFailed, make_backup
from oad.daemon.instance_lock import PARENT_LOCK, AlreadyRunning, InstanceLock
from oad.daemon.migration import SchemaTooNew
from oad.daemon.restoring import restore_backup

from .exit_status import FAILED, OK, USAGE
from .places import UnsafePlace, find_places
from .refusal import refuse
from .settings.load import find_sources
from .settings.origin import BadConfig
from .sweeping import size


def back_up(data_dir: Path | None, file: Path, config: Path | None, *, credentials: bool, force: bool) -> int:
    try:
        sources = find_sources(config, os.environ)
        files = [each for each in (sources.file, *sources.drop_ins) if each is not None]
        data = find_places(data_dir).data
        manifest = make_backup(data, file, secrets=credentials, settings=files, replace=force)
    except BadConfig as error:
        return refuse(str(error), USAGE)
    except (BackupFailed, SchemaTooNew, UnsafePlace) as error:
        return refuse(str(error), FAILED)
    except OSError as error:
        return refuse(f"can't write {file}: {error}", FAILED)
    print(f"{file}: {size(file.stat().st_size)}, checked")
    for entry in manifest.files:
        print(f"  {size(entry.size):>9}  {entry.name}")
    return OK


def restore(data_dir: Path | None, file: Path, *, force: bool) -> int:
    try:
        data = find_places(data_dir).data
        if not file.exists():
            raise BackupFailed(f"there is no file {file}")
        with InstanceLock(data, PARENT_LOCK), InstanceLock(data):
            restored = restore_backup(file, data, replace=force)
    except AlreadyRunning as error:
        return refuse(f"{error}: stop it first", FAILED)
    except (BackupFailed, SchemaTooNew, UnsafePlace) as error:
        return refuse(str(error), FAILED)
    except OSError as error:
        return refuse(f"can't restore to {data_dir or 'the data directory'}: {error}", FAILED)
    print(f"{data}: the state of {restored.manifest.made}")
    for entry in restored.manifest.files:
        print(f"  {size(entry.size):>9}  {entry.name}")
    if restored.aside is not None:
        print(f"what was there before is in {restored.aside}")
    return OK
