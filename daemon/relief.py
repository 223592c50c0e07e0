"""Whose temporary files fill the disk, and how they go.

What a session has as /tmp lies on the disk of the data. It is the one thing there that may go at any time: its owner
is ended first, so that nobody writes on, or keeps what was removed open.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from .own_directories import SCRATCH_NAME, OwnDirectories

_TEMPORARY: Final = "tmp"
_MOST: Final = 200_000  # entries that are looked at in one directory; what has more is large enough
_BLOCK: Final = 512


class Heap(msgspec.Struct, frozen=True):
    """The temporary files of a session; ``name`` is that of its scratch directory."""

    name: str
    bytes: int


def find_largest(scratch: Path) -> Heap | None:
    """Blocks."""
    with contextlib.suppress(FileNotFoundError):
        names = [entry.name for entry in os.scandir(scratch) if SCRATCH_NAME.fullmatch(entry.name)]
        heaps = [Heap(name, _size(scratch / name / _TEMPORARY)) for name in names]
        return max(heaps, key=lambda heap: heap.bytes, default=None)
    return None


def remove(scratch: Path, name: str) -> list[str]:
    """Blocks. Nobody may write there any more. Returns what could not be removed."""
    return OwnDirectories(scratch / name, re.compile(_TEMPORARY)).remove(_TEMPORARY)


def _size(top: Path) -> int:
    """What it takes on the disk, in bytes; no link is followed."""
    total, count = 0, 0
    pending = [str(top)]
    while pending and count < _MOST:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:  # it may go at any time
            for entry in entries:
                count += 1
                found = entry.stat(follow_symlinks=False)
                total += found.st_blocks * _BLOCK
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
    return total
