"""How much lies below a directory which others may have filled: by descriptors, following no link."""

import os
import stat
from typing import Final

import msgspec

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST: Final = 40  # levels that are looked at; each keeps a descriptor open


class DiskUse(msgspec.Struct, frozen=True):
    """``items`` are files, links and whatever is no directory; ``newest``: seconds of the last change of any."""

    items: int = 0
    bytes: int = 0
    newest: float = 0.0

    def __add__(self, other: "DiskUse") -> "DiskUse":
        return DiskUse(self.items + other.items, self.bytes + other.bytes, max(self.newest, other.newest))


def measure(parent: int, name: str) -> DiskUse:
    """Of a file, or of a directory with all below it, in an open directory. What can't be seen is not counted."""
    return _measure(parent, name, _DEEPEST)


def _measure(parent: int, name: str, levels: int) -> DiskUse:
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        use = DiskUse(0, found.st_blocks * 512, found.st_mtime)
        if not stat.S_ISDIR(found.st_mode):
            return msgspec.structs.replace(use, items=1)
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent) if levels else -1
    except OSError:
        return DiskUse()
    if descriptor < 0:
        return use
    try:
        for entry in os.listdir(descriptor):  # noqa: PTH208  of a descriptor
            use += _measure(descriptor, entry, levels - 1)
        return use
    finally:
        os.close(descriptor)
