"""A daemon whose disk can't be written waits for it at its start, instead of ending and being started in vain.

Whoever starts it would give up in the end, and nothing would come back by itself when the disk does.
"""

import itertools
import tempfile
import time
from pathlib import Path
from typing import Final

import structlog

from oad.service_manager import ServiceManager

from .ballast import Ballast
from .store_trouble import Trouble, of_system

_log = structlog.get_logger("oad.storage")

_NEEDED: Final = bytes(256 * 1024)  # more than it takes to open a store
_EVERY_S: Final = 1.0
_REPEAT: Final = 60  # looks between two log lines
_PATIENCE_S: Final = 60.0  # that the service manager is asked for, again and again


def await_disk(data: Path, manager: ServiceManager) -> None:
    """Blocks until something can be written, for which the ballast goes on a full disk. Whatever else is wrong with the
    place is not found out here. Signals end the process as they would without this."""
    for look in itertools.count():
        trouble = _find_trouble(data)
        if trouble is None:
            return
        if trouble.reason == "full" and Ballast(data).release():
            continue
        if look % _REPEAT == 0:
            _log.error("waiting until the disk can be written", reason=trouble.reason, problem=trouble.message)
        manager.starting(f"waiting: {trouble.message}", within_s=_PATIENCE_S)
        time.sleep(_EVERY_S)  # nothing else runs yet in this process


def _find_trouble(data: Path) -> Trouble | None:
    try:
        with tempfile.TemporaryFile(dir=data, buffering=0) as file:
            file.write(_NEEDED)
    except OSError as error:
        return of_system(error, data)
    return None
