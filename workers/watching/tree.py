"""A directory tree as far as it is watched: its directories, and its names, to tell what is new from what is not."""

import os
from collections import deque
from pathlib import Path
from typing import Final

import msgspec

from .ignored import Ignored
from .state import Event

MAX_DIRECTORIES: Final = 8192
_MAX_NAMES: Final = 100_000  # beyond it a replaced file is told as a new one

_ADDED: Final = 1  # as watchfiles counts
_DELETED: Final = 3


class Change(msgspec.Struct, frozen=True):
    file: str
    event: Event


class Tree:
    """``directories`` are the ones nearest to the root, at most ``limit``; ``whole``: those are all. Blocks."""

    def __init__(self, root: Path, ignored: Ignored, limit: int = MAX_DIRECTORIES) -> None:
        self.directories: list[str] = []
        self.whole = True
        self.names: set[str] = set()
        self._root = root
        self._ignored = ignored
        left = deque([root])
        while left:
            if len(self.directories) >= limit:
                self.whole = False
                return
            left.extend(self._enter(left.popleft()))

    def _enter(self, directory: Path) -> list[Path]:
        below = list[Path]()
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    path, is_directory = directory / entry.name, entry.is_dir(follow_symlinks=False)
                    if self._ignored(path, is_directory=is_directory):
                        continue
                    if len(self.names) < _MAX_NAMES:
                        self.names.add(str(path))
                    if is_directory:
                        below.append(path)
        except OSError:
            return []  # gone again, or not ours to read
        self.directories.append(str(directory))
        return below

    def changes(self, raw: set[tuple[int, str]]) -> tuple[list[Change], bool]:
        """What a batch of watchfiles comes down to, and whether the tree is to be walked again. Blocks."""
        kinds: dict[str, set[int]] = {}
        for kind, path in raw:
            kinds.setdefault(path, set()).add(kind)
        found, outdated = list[Change](), False
        for path, seen in sorted(kinds.items()):
            is_directory = os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114 - thousands of them
            if path == str(self._root) or self._ignored(Path(path), is_directory=is_directory):
                continue
            outdated = outdated or (is_directory and _ADDED in seen) or path.endswith("/.gitignore")
            change = self._change(path, seen, is_directory=is_directory)
            if change is not None:
                found.append(change)
        return found, outdated

    def _change(self, path: str, seen: set[int], *, is_directory: bool) -> Change | None:
        known = path in self.names
        if not os.path.lexists(path):
            self.names.discard(path)
            # What came and went within a moment, as the temporary file of a careful writer, has never been.
            return Change(path, "unlink") if known or (_DELETED in seen and _ADDED not in seen) else None
        if len(self.names) < _MAX_NAMES:
            self.names.add(path)
        if _ADDED in seen and not known:
            return Change(path, "add")
        return None if is_directory else Change(path, "change")
