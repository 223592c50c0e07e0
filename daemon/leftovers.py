"""What lies in the data directory although nobody needs it any more: who decides, who looks, who removes.

A look takes its time and belongs on a thread. To take something out of use is a renaming, done between two steps of the
daemon's loop, so that no worker can begin to use what is just going; its removal is work for a thread again.
"""

import contextlib
import os
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from oad.contract.policy import Policy

from .disk_use import DiskUse, measure
from .own_directories import OwnDirectories
from .snapshot_places import INDEX, PLACE_NAME

LeftKind = Literal["scratch", "temporary", "snapshots"]

_DAY_S: Final = 86_400
_TEMPORARY: Final = "tmp"
_SESSION: Final = "ses_"
_PROJECT: Final = "project-"
_SCRATCH: Final = "scratch"
_SNAPSHOTS: Final = "snapshots"


class Leftover(msgspec.Struct, frozen=True):
    """``inner``: only this directory in it."""

    kind: LeftKind
    name: str
    inner: str = ""


class Listing(msgspec.Struct, frozen=True):
    """What there is, by name, with the seconds of its last change. Sessions are to be asked for only afterwards: then
    each whose directory is in here is either known or gone."""

    scratch: dict[str, float]
    snapshots: dict[str, float]
    indexes: list[tuple[str, str]]  # of sessions, in places of snapshots


class Leftovers:
    def __init__(self, data: Path, policy: Policy) -> None:
        self._policy = policy
        self._data = data
        self._scratch = OwnDirectories(data / _SCRATCH)
        self._snapshots = OwnDirectories(data / _SNAPSHOTS, PLACE_NAME)

    def look(self) -> Listing:
        """Blocks."""
        places = self._snapshots.names()
        return Listing(
            {name: _changed(self._data / _SCRATCH / name) for name in self._scratch.names()},
            {name: _newest(self._data / _SNAPSHOTS / name) for name in places},
            [(name, file) for name in places for file in _indexes(self._data / _SNAPSHOTS / name)],
        )

    def choose(self, found: Listing, sessions: Mapping[str, int], now: float) -> list[Leftover]:
        """``sessions``: those that exist, with the milliseconds when they were used last. Blocks."""
        storage, idle_since = self._policy.storage, now - self._policy.storage.temporary_days * _DAY_S
        chosen: list[Leftover] = []
        for name, changed in found.scratch.items():
            if name in sessions:
                if sessions[name] / 1000 < idle_since and self._has_temporary(name):
                    chosen.append(Leftover("temporary", name, _TEMPORARY))
            elif not name.startswith(_PROJECT) or changed < now - storage.temporary_days * _DAY_S:
                chosen.append(Leftover("scratch", name))
        expired = now - self._policy.snapshots.keep_days * _DAY_S
        return chosen + [Leftover("snapshots", name) for name, at in found.snapshots.items() if at < expired]

    def _has_temporary(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            return bool(os.listdir(self._data / _SCRATCH / name / _TEMPORARY))  # noqa: PTH208
        return False

    def measure(self, chosen: Iterable[Leftover]) -> dict[LeftKind, DiskUse]:
        """By kind; ``items`` are directories, or for temporary files these. Blocks."""
        used: dict[LeftKind, DiskUse] = {}
        for each in chosen:
            use = self._place(each).measure(each.name, each.inner)
            items = use.items if each.kind == "temporary" else 1
            used[each.kind] = used.get(each.kind, DiskUse()) + DiskUse(items, use.bytes)
        return used

    def set_aside(self, leftover: Leftover) -> None:
        """The caller has just made sure that nobody uses it. Raises OSError."""
        self._place(leftover).set_aside(leftover.name, leftover.inner)

    def remove_aside(self) -> list[str]:
        """Blocks. Returns what could not be removed."""
        return [*self._scratch.remove_aside(), *self._snapshots.remove_aside()]

    def remove_indexes(self, found: Listing, sessions: Mapping[str, int], *, dry: bool) -> DiskUse:
        """Of sessions that are no more. Blocks."""
        use = DiskUse()
        for place, file in found.indexes:
            session = file.removeprefix(INDEX).split(".")[0]
            if session in sessions or not session.startswith(_SESSION):
                continue
            with contextlib.suppress(OSError), _opened(self._data / _SNAPSHOTS / place) as directory:
                use += DiskUse(1, measure(directory, file).bytes)
                if not dry:
                    os.unlink(file, dir_fd=directory)
        return use

    def _place(self, leftover: Leftover) -> OwnDirectories:
        return self._snapshots if leftover.kind == "snapshots" else self._scratch


def _changed(directory: Path) -> float:
    try:
        return directory.lstat().st_mtime
    except OSError:
        return 0.0


def _newest(place: Path) -> float:
    """When something was recorded there last."""
    try:
        inside = [each.lstat().st_mtime for each in place.iterdir()]
    except OSError:
        inside = []
    return max([_changed(place), _changed(place / "objects"), *inside])


def _indexes(place: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(place) if name.startswith(INDEX)]  # noqa: PTH208
    return []


@contextlib.contextmanager
def _opened(directory: Path) -> Generator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
