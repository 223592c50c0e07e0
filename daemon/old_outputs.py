"""Whole outputs of commands, which sessions keep in files beside their transcripts: the oldest go first.

A session that was deleted has taken its own along; these are of sessions that live on.
"""

import contextlib
import os
import stat
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.limits import MEGABYTE
from oad.contract.policy import StoragePolicy

from .disk_use import DiskUse
from .own_directories import SCRATCH_NAME

_FOLDERS: Final = ("tool-output", "jobs")
_DAY_S: Final = 86_400
_FRESH_S: Final = 3600  # somebody may just be writing it
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputFile(msgspec.Struct, frozen=True):
    scratch: str
    folder: str
    name: str
    bytes: int
    changed: float  # seconds


def choose_old(files: Sequence[OutputFile], policy: StoragePolicy, now: float) -> list[OutputFile]:
    """Those that are too old, and the oldest of the others until the rest is no more than may be."""
    room = policy.output_mb * MEGABYTE
    chosen: list[OutputFile] = []
    for file in sorted(files, key=lambda each: each.changed, reverse=True):
        age = now - file.changed
        room -= file.bytes
        if age > _FRESH_S and (room < 0 or age > policy.output_days * _DAY_S):
            chosen.append(file)
    return chosen


def list_outputs(root: Path) -> list[OutputFile]:
    """Of all sessions. Blocks."""
    found: list[OutputFile] = []
    with _opened(root) as top:
        for scratch in os.listdir(top) if top >= 0 else ():  # noqa: PTH208  of a descriptor
            if SCRATCH_NAME.fullmatch(scratch):
                for folder in _FOLDERS:
                    with _opened_below(top, scratch, folder) as place:
                        found += _files_of(place, scratch, folder) if place >= 0 else ()
    return found


def remove_outputs(root: Path, files: Sequence[OutputFile]) -> DiskUse:
    """Blocks. What is gone by now is not counted."""
    use = DiskUse()
    with _opened(root) as top:
        for file in files:
            with _opened_below(top, file.scratch, file.folder) as place, contextlib.suppress(OSError):
                os.unlink(file.name, dir_fd=place)
                use += DiskUse(1, file.bytes)
    return use


def _files_of(place: int, scratch: str, folder: str) -> Iterator[OutputFile]:
    for name in os.listdir(place):
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(name, dir_fd=place, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                yield OutputFile(scratch, folder, name, found.st_blocks * 512, found.st_mtime)


@contextlib.contextmanager
def _opened(path: Path | str, parent: int | None = None) -> Generator[int]:
    """-1 where there is no directory, or a link in its place."""
    try:
        descriptor = os.open(path, _DIRECTORY, dir_fd=parent)
    except OSError:
        descriptor = -1
    try:
        yield descriptor
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextlib.contextmanager
def _opened_below(top: int, scratch: str, folder: str) -> Generator[int]:
    with _opened(scratch, top) as middle:
        if middle < 0:
            yield -1
            return
        with _opened(folder, middle) as place:
            yield place
