"""Directories that the daemon made for its sessions, and their removal.

What lies in them was written by commands that may have been hostile: links that lead elsewhere, trees deeper than the
stack or the table of descriptors, directories that nobody may enter, mounts. Everything is therefore reached by name
relative to an open directory, never by a path, no link is followed, and no name comes from a request.
"""

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Final

from .disk_use import DiskUse, measure

SCRATCH_NAME: Final = re.compile(r"(?:(?:ses|pty)_[0-9A-Za-z]+|project-[0-9a-f]{16})")
_DISCARDED: Final = ".discarded-"
_ASIDE: Final = ".aside-"
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OwnDirectories:
    """``root`` is private to the user and written to by the daemon alone; ``names`` are those that it gives."""

    def __init__(self, root: Path, names: re.Pattern[str] = SCRATCH_NAME) -> None:
        self._root = root
        self._names = names

    def make(self, name: str) -> Path:
        """The directory of that name, made if there is none. Raises ValueError for a name that is not ours, OSError
        when something else than a directory of ours is in its place."""
        self._check(name)
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._opened_root() as root:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=root)
            found = os.open(name, _DIRECTORY, dir_fd=root)
            try:
                if os.fstat(found).st_uid != os.geteuid():
                    raise PermissionError(f"{self._root / name} belongs to somebody else")
            finally:
                os.close(found)
        return self._root / name

    def remove(self, name: str) -> list[str]:
        """Removes it with all that is in it. Returns what could not be removed, such as a mount; never raises for that.

        Blocks for as long as that takes. Raises ValueError for a name that is not ours."""
        self._check(name)
        with contextlib.ExitStack() as held:
            try:
                root = held.enter_context(self._opened_root())
            except FileNotFoundError:
                return []
            return _Removal(root).run(name)

    def sweep(self) -> None:
        """Finishes removals that the end of an earlier process has cut short."""
        self._remove_all((_DISCARDED, _ASIDE))

    def set_aside(self, name: str, inner: str = "") -> bool:
        """Takes it, or the directory ``inner`` in it, out of use at once, to be removed by ``remove_aside``; False
        where there is none. Raises ValueError for a name that is not ours, OSError."""
        self._check(name)
        fresh = _ASIDE + secrets.token_hex(8)
        with contextlib.ExitStack() as held:
            try:
                root = held.enter_context(self._opened_root())
                if not inner:
                    os.rename(name, fresh, src_dir_fd=root, dst_dir_fd=root)
                    return True
                parent = os.open(name, _DIRECTORY, dir_fd=root)
                held.callback(os.close, parent)
                os.rename(inner, fresh, src_dir_fd=parent, dst_dir_fd=root)
            except FileNotFoundError:
                return False
        return True

    def remove_aside(self) -> list[str]:
        """Returns what could not be removed. Blocks for as long as it takes; by one at a time."""
        return self._remove_all((_ASIDE,))

    def _remove_all(self, prefixes: tuple[str, ...]) -> list[str]:
        left: list[str] = []
        with contextlib.suppress(FileNotFoundError), self._opened_root() as root:
            for name in os.listdir(root):  # noqa: PTH208  of a descriptor
                if name.startswith(prefixes):
                    left += _Removal(root).run(name)
        return left

    def names(self) -> list[str]:
        """Those that are there."""
        with contextlib.suppress(FileNotFoundError), self._opened_root() as root:
            return [name for name in sorted(os.listdir(root)) if self._names.fullmatch(name)]  # noqa: PTH208
        return []

    def measure(self, name: str, inner: str = "") -> DiskUse:
        """How much is in it, or in ``inner`` in it. Blocks."""
        self._check(name)
        with contextlib.ExitStack() as held:
            try:
                parent = held.enter_context(self._opened_root())
                if inner:
                    parent = os.open(name, _DIRECTORY, dir_fd=parent)
                    held.callback(os.close, parent)
            except OSError:
                return DiskUse()
            return measure(parent, inner or name)

    def _check(self, name: str) -> None:
        if not self._names.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a directory of ours")

    @contextlib.contextmanager
    def _opened_root(self) -> Generator[int]:
        descriptor = os.open(self._root, _DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class _Removal:
    """A tree of any depth with two open directories: each directory in it is first moved up to the root."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._device = os.fstat(root).st_dev
        self._pending: list[str] = []
        self._left: list[str] = []

    def run(self, name: str) -> list[str]:
        self._take(name, self._root, name)
        while self._pending:
            self._empty(self._pending.pop())
        return self._left

    def _empty(self, name: str) -> None:
        descriptor = os.open(name, _DIRECTORY, dir_fd=self._root)
        try:
            for entry in os.listdir(descriptor):  # noqa: PTH208  of a descriptor
                self._take(entry, descriptor, entry)
        finally:
            os.close(descriptor)
        try:
            os.rmdir(name, dir_fd=self._root)
        except OSError as error:
            self._left.append(f"{name}: {error.strerror}")

    def _take(self, name: str, parent: int, shown: str) -> None:
        """Unlinks what is no directory; moves a directory to where it is emptied."""
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                os.unlink(name, dir_fd=parent)
            elif found.st_dev != self._device:
                self._left.append(f"{shown}: another file system is mounted there")
            else:
                self._move_up(name, parent, found)
        except FileNotFoundError:
            return
        except OSError as error:
            self._left.append(f"{shown}: {error.strerror}")

    def _move_up(self, name: str, parent: int, found: os.stat_result) -> None:
        if found.st_mode & 0o700 != 0o700:
            # Not by descriptor: what may not be read can't be opened. All who could put a link here are dead.
            os.chmod(name, 0o700, dir_fd=parent)
        fresh = _DISCARDED + secrets.token_hex(8)
        os.rename(name, fresh, src_dir_fd=parent, dst_dir_fd=self._root)
        self._pending.append(fresh)
