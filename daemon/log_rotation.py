"""A log file that has grown large is set aside. Every process of the server has it open for appending: they go on."""

import os
import shutil
from pathlib import Path

from oad.contract.limits import MEGABYTE
from oad.contract.policy import StoragePolicy

from .disk_use import DiskUse


def rotate(file: Path, policy: StoragePolicy, *, dry: bool = False) -> DiskUse:
    """``oad.log`` becomes ``oad.log.1`` and so on, the oldest go. Returns what went. Blocks. Raises OSError."""
    gone = _remove_beyond(file, policy.log_files, dry=dry)
    if dry or not file.exists() or file.stat().st_size <= policy.log_mb * MEGABYTE:
        return gone
    gone += _remove_beyond(file, policy.log_files - 1, dry=False)
    for number in sorted(_numbers(file), reverse=True):
        _numbered(file, number).rename(_numbered(file, number + 1))
    _set_aside(file)
    return gone


def _set_aside(file: Path) -> None:
    fresh = file.with_name(file.name + ".new")
    try:
        with file.open("rb") as source, fresh.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            shutil.copyfileobj(source, target, MEGABYTE)
            fresh.rename(_numbered(file, 1))
            # What is written in this moment, between the end that was read and the cut, is lost; a line at most.
            os.truncate(file, 0)
    finally:
        fresh.unlink(missing_ok=True)


def _remove_beyond(file: Path, keep: int, *, dry: bool) -> DiskUse:
    gone = DiskUse()
    for number in sorted(_numbers(file))[max(keep, 0) :]:
        old = _numbered(file, number)
        gone += DiskUse(1, old.stat().st_size)
        if not dry:
            old.unlink()
    return gone


def _numbers(file: Path) -> list[int]:
    suffixes = (each.name.removeprefix(file.name + ".") for each in file.parent.glob(f"{file.name}.*"))
    return [int(suffix) for suffix in suffixes if suffix.isdecimal()]


def _numbered(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}.{number}")
