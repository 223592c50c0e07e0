"""The names of a directory's files, kept for as long as nothing has come or gone."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from ..exec import Exec
from ..tools.in_thread import in_thread
from ..tools.ripgrep import run_ripgrep
from .enclosure import shown
from .fuzzy import Index
from .tree_stamps import TreeStamps

SEEN: Final = ("--hidden", "--glob", "!.git/", "--no-messages", "--no-config")
_MAX_FILES: Final = 200_000  # that are considered
_MAX_KEPT: Final = 100_000  # more take too much memory


class FileNames:
    """Of the directory that was asked for last. What git ignores is not among them, nor are empty directories."""

    def __init__(self, exec: Exec) -> None:
        self._exec = exec
        self._lock = trio.Lock()
        self._kept: tuple[str, Index, TreeStamps] | None = None

    async def index(self, directory: str) -> Index:
        """As it is now. Raises ToolFailed when the search does."""
        async with self._lock:  # who types asks again before the first answer: one walk for all
            if self._kept is not None:
                kept, index, stamps = self._kept
                if kept == directory and await in_thread(stamps.hold):
                    return index
            self._kept = None
            return await self._read(directory)

    async def _read(self, directory: str) -> Index:
        names = list[bytes]()

        def take(name: bytes) -> bool:
            names.append(name)
            return len(names) < _MAX_FILES

        began = time.time_ns()
        await run_ripgrep(self._exec, Path(directory), ["--files", "--null", *SEEN], b"\0", take)
        index = await trio.to_thread.run_sync(_make_index, names)
        if len(names) <= _MAX_KEPT:
            stamps = await in_thread(TreeStamps.read, directory, names, began)
            self._kept = (directory, index, stamps) if stamps is not None else None
        return index


def _make_index(names: Sequence[bytes]) -> Index:
    files = shown(os.fsdecode(b"\0".join(names))).split("\0") if names else []
    return Index([*files, *directories_of(files)])


def directories_of(files: Sequence[str]) -> list[str]:
    """All that lie above the files, with a slash at their ends."""
    found: set[str] = set()
    for path in files:
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return [f"{path}/" for path in found]
