"""Watching a tree with watchfiles: which directories, for how long, and what to do when the system gives no more."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
import trio

from ..tools.in_thread import in_thread
from .ignored import Ignored
from .tree import MAX_DIRECTORIES, Change, Tree

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

_log = structlog.get_logger("oad.watching")

_STEP_MS: Final = 200  # how often a quiet watcher looks up: it costs nothing that shows
_BATCH_MS: Final = 1000  # the longest that changes are gathered
_MAX_TOLD: Final = 500  # of one batch; beyond it only the directories are told
_ATTEMPTS: Final = 5
_LEAST: Final = 16  # directories; a system that gives fewer watches gives none

Tell = Callable[[list[Change]], Awaitable[None]]
TellHead = Callable[[], Awaitable[None]]
Raw = set[tuple[int, str]]


class NotWatched(Exception):
    """The system does not let us; the text says why, and what would help."""


class Watcher:
    """``more``: patterns to ignore; ``git``: a repository's own directory, whose HEAD is watched as well. Directories
    that come later are watched too."""

    def __init__(
        self, root: Path, worktree: Path, more: list[str], git: Path | None = None, *, limit: int = MAX_DIRECTORIES
    ) -> None:
        self._root = root
        self._git = git
        self._worktree = worktree
        self._more = more
        self._limit = limit
        self._over = threading.Event()
        self._threads = trio.CapacityLimiter(1)  # one thread for as long as we watch: not of those that others share

    async def run(self, tell: Tell, tell_head: TellHead) -> None:
        """Until cancelled; ``tell_head`` is told once at the beginning too. Raises NotWatched."""
        try:
            tree, notify = await self._open()
            if self._git is not None:
                await tell_head()
            while True:
                raw = await trio.to_thread.run_sync(self._wait, notify, abandon_on_cancel=True, limiter=self._threads)
                if self._git is not None and any(path == str(self._git / "HEAD") for _, path in raw):
                    await tell_head()
                changes, outdated = await in_thread(tree.changes, raw)
                if outdated:
                    tree, notify, more = await self._reopen(tree)
                    changes = list({change.file: change for change in [*changes, *more]}.values())
                if changes:
                    await tell(shorten(changes))
        finally:
            self._over.set()

    def _wait(self, notify: "RustNotify") -> Raw:
        while not self._over.is_set():
            raw = notify.watch(_BATCH_MS, _STEP_MS, 0, self._over)
            if isinstance(raw, set):
                return raw
        return set()

    async def _reopen(self, before: Tree) -> tuple[Tree, "RustNotify", list[Change]]:
        """The new watch is there before the old one ends; what is in a new directory has been put there before."""
        started = trio.current_time()
        tree, notify = await self._open()
        # Who makes directories by the thousand does not make us walk all the time.
        await trio.sleep(9 * (trio.current_time() - started))
        added = sorted(tree.names - before.names) if before.whole and tree.whole else []
        return tree, notify, [Change(file, "add") for file in added]

    async def _open(self) -> tuple[Tree, "RustNotify"]:
        for _ in range(_ATTEMPTS):
            tree = await in_thread(self._walk)
            if not tree.whole:
                _log.warning("a large tree is not watched as a whole", root=str(self._root), directories=self._limit)
            try:
                git = [str(self._git)] if self._git is not None else []
                return tree, await in_thread(_watch, [*git, *tree.directories])
            except FileNotFoundError:
                continue  # a directory went between walking and watching
            except (OSError, RuntimeError) as error:
                self._accept_less(error, len(tree.directories))
        raise NotWatched("the tree changes too quickly to be watched")

    def _walk(self) -> Tree:
        return Tree(self._root, Ignored(self._root, self._worktree, self._more), self._limit)

    def _accept_less(self, error: Exception, wanted: int) -> None:
        """Raises NotWatched where less does not help. The library gives no numbers of errors."""
        if "Too many open files" in str(error):
            raise NotWatched("no more inotify instances: raise fs.inotify.max_user_instances") from error
        self._limit = min(self._limit, wanted) // 2
        if self._limit < _LEAST or "limit reached" not in str(error):
            raise NotWatched(f"{error}; fs.inotify.max_user_watches may be too low") from error
        _log.warning("the system gives too few inotify watches: raise fs.inotify.max_user_watches", wanted=wanted)


def shorten(changes: list[Change]) -> list[Change]:
    """A branch that is checked out, an archive that is unpacked: a client looks again at the directories."""
    if len(changes) <= _MAX_TOLD:
        return changes
    directories = sorted({str(Path(change.file).parent) for change in changes})
    return [Change(directory, "change") for directory in directories[:_MAX_TOLD]]


def _watch(directories: list[str]) -> "RustNotify":
    # Here, since most project workers never watch.
    from watchfiles._rust_notify import RustNotify

    return RustNotify(directories, False, False, 300, False, False)
