"""Log files that were set aside when more of them were to be kept. Whoever writes the log sees to the others."""

from pathlib import Path

from .disk_use import DiskUse


def remove_old_logs(file: Path, keep: int, *, dry: bool = False) -> DiskUse:
    """Of ``oad.log.1``, ``oad.log.2`` and so on those with a higher number than ``keep``. Blocks. Raises OSError."""
    gone = DiskUse()
    for old in file.parent.glob(f"{file.name}.*"):
        number = old.name.removeprefix(f"{file.name}.")
        if number.isdecimal() and int(number) > keep:
            gone += DiskUse(1, old.stat().st_size)
            if not dry:
                old.unlink()
    return gone
