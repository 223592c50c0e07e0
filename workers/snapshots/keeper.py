"""When the files of a session are recorded: before something may change them, and when the step that did is over.

A turn that changes nothing records nothing. Tools which say what they write have only those files recorded, so that
what others write meanwhile is not taken for theirs; for programs the whole worktree is looked at.
"""

import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
import structlog
import trio

from ..exec import Chunk, Command, Exec, Outcome, Running
from .changes import Change
from .store import NoSnapshot, Recorded, SnapshotStore, TooLarge

_log = structlog.get_logger("oad.snapshots")

# What can't change a file, and what says which file it is about to change; whatever else there is may do anything.
_READERS: Final = frozenset(
    {"read", "glob", "grep", "list", "webfetch", "websearch", "todowrite", "todoread", "question", "skill", "invalid"}
)
_WRITERS: Final = frozenset({"write", "edit", "apply_patch"})
_COMMAND: Final = "bash"
CHANGING: Final = _WRITERS | {_COMMAND}  # what is certainly meant to change files
_CLOCK_NS: Final = 20_000_000  # the kernel's own clock for files may be a tick behind
_PATIENCE_S: Final = 1.0  # for the first look at a worktree, at the beginning of a step


class Snapshots:
    """One session's. ``tree`` is the newest one known, ``problem`` why there are none."""

    def __init__(self, store: SnapshotStore | None, problem: str = "") -> None:
        self.store = store
        self.tree: str | None = None
        self.problem = problem
        self._lock = trio.Lock()
        self._first: trio.Event | None = None
        self._too_large = False
        self._recorded = self._tidied = False

    def begin(self, *, wanted: bool, tree: str | None) -> None:
        """A turn begins. ``tree``: the last one that the session's messages name."""
        self.tree = self.tree or tree
        if self.store is not None and not self._too_large:
            self.problem = "" if wanted else "snapshots are switched off in the configuration"

    @property
    def usable(self) -> bool:
        return self.store is not None and not self.problem

    def step(self) -> "StepKeeper":
        return StepKeeper(self)

    def look(self, background: trio.Nursery) -> None:
        """Has the worktree looked at if that was never done, without being waited for."""
        if self.usable and self.tree is None and self._first is None:
            self._first = trio.Event()
            background.start_soon(self._look, self._first)

    async def known(self) -> str | None:
        """The newest tree; waits a moment for the first look."""
        if self.tree is None and self._first is not None:
            with trio.move_on_after(_PATIENCE_S):
                await self._first.wait()
        return self.tree

    async def _look(self, done: trio.Event) -> None:
        try:
            await self.attempt(self.record_all)
        finally:
            self._first = None
            done.set()

    async def record_all(self, spared: frozenset[str] = frozenset(), *, more: frozenset[str] = frozenset(),
                         since: str | None = None) -> Recorded:  # fmt: skip
        """The whole worktree but for ``spared``, and ``more`` that git may ignore. Raises NoSnapshot."""
        assert self.store is not None
        listed = await self.store.list_changed()
        paths = {*listed.changed, *more} - spared
        if not paths and listed.tree is not None and since in (None, listed.tree):
            self.tree = listed.tree
            return Recorded(listed.tree, left_out=listed.left_out)
        recorded = await self.record(paths, since=since)
        return Recorded(recorded.tree, recorded.changes, recorded.left_out | listed.left_out)

    async def record(self, paths: "set[str] | frozenset[str]", *, since: str | None = None) -> Recorded:
        """These alone. Raises NoSnapshot."""
        assert self.store is not None
        recorded = await self.store.record(sorted(paths), since)
        self._recorded = True
        self.tree = recorded.tree
        return recorded

    async def attempt(self, work: Callable[[], Awaitable[Recorded]]) -> Recorded | None:
        """One after the other; None, and no further try in this turn, where it can't be done."""
        async with self._lock:
            if not self.usable:
                return None
            try:
                return await work()
            except NoSnapshot as error:
                self.problem, self._too_large = str(error), isinstance(error, TooLarge)
                _log.warning("there are no snapshots", reason=str(error))
                return None

    async def tidy(self) -> None:
        """After a turn: once in a worker's life, and when much was recorded, old snapshots are forgotten. Not while the
        next step records: git itself sees to it that nothing new is lost."""
        if self.store is None or not self.usable or not self._recorded or (self._tidied and not self.store.overdue):
            return
        self._tidied = True
        try:
            await self.store.collect()
        except NoSnapshot as error:
            self.problem, self._too_large = str(error), isinstance(error, TooLarge)
            _log.warning("old snapshots can't be forgotten", reason=str(error))

    def relative(self, path: Path) -> str | None:
        """None for what lies outside of the worktree, or in a repository."""
        if self.store is None:
            return None
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self.store.worktree) or ".git" in real.parts:
            return None
        return str(real.relative_to(self.store.worktree))


class StepKeeper:
    """One step's. ``before``: the tree as it was before the step changed anything; None if it did not."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._kept: set[str] = set()
        self._unknown: frozenset[str] = frozenset()  # files of which nobody can tell what they were
        self._opened_ns = 0
        self._open = False
        self.before: str | None = None

    async def admit(self, tool: str) -> None:
        """Before a call does anything."""
        if tool not in _READERS and tool not in _WRITERS and tool != _COMMAND:
            await self.open()

    def guard(self, tool: str, exec: Exec) -> Exec:
        """What a call starts its programs with."""
        return GuardedExec(exec, self) if tool == _COMMAND and self._snapshots.usable else exec

    async def keep(self, path: Path) -> None:
        """Before a tool writes this file."""
        name = self._snapshots.relative(path)
        if name is not None and self._snapshots.usable:
            await self._snapshots.attempt(lambda: self._keep(name))

    async def _keep(self, name: str) -> Recorded:
        if self._open or name in self._kept:
            return Recorded(self.before or "")
        recorded = await self._snapshots.record({name})
        self._unknown |= recorded.left_out
        self._kept.add(name)
        self.before = recorded.tree
        return recorded

    async def open(self) -> None:
        """Before something runs that may write anything."""
        if not self._open and self._snapshots.usable:
            await self._snapshots.attempt(self._look)

    async def _look(self) -> Recorded:
        if self._open:
            return Recorded(self.before or "")
        opened_ns = time.time_ns()
        recorded = await self._snapshots.record_all(frozenset(self._kept))
        self._open, self.before, self._opened_ns = True, recorded.tree, opened_ns
        self._unknown |= recorded.left_out
        return recorded

    async def finish(self) -> Recorded | None:
        """When nothing of the step runs any more. What it has changed; None if there is nothing to compare."""
        before, kept = self.before, frozenset(self._kept)
        if before is None:
            return None
        if self._open:
            recorded = await self._snapshots.attempt(lambda: self._snapshots.record_all(more=kept, since=before))
        else:
            recorded = await self._snapshots.attempt(lambda: self._snapshots.record(kept, since=before))
        self.before = None
        if recorded is None:
            return None
        return msgspec.structs.replace(recorded, changes=await trio.to_thread.run_sync(self._own, recorded.changes))

    def _own(self, changes: list[Change]) -> list[Change]:
        """Without files that were there before and are only seen since: because they have become small enough, or
        because git was told to ignore them no longer. A revert would delete them."""
        revealing = any(PurePosixPath(change.path).name == ".gitignore" for change in changes)
        return [
            change
            for change in changes
            if change.path not in self._unknown and (not revealing or change.before.exists or self._is_new(change.path))
        ]

    def _is_new(self, path: str) -> bool:
        assert self._snapshots.store is not None
        try:
            return (self._snapshots.store.worktree / path).lstat().st_ctime_ns >= self._opened_ns - _CLOCK_NS
        except OSError:
            return True


class GuardedExec:
    """See Exec. The files are recorded before the first program runs."""

    def __init__(self, exec: Exec, keeper: StepKeeper) -> None:
        self._exec = exec
        self._keeper = keeper

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        await self._keeper.open()
        return await self._exec.run(
            command, on_stdout=on_stdout, on_stderr=on_stderr, timeout_s=timeout_s, grace_s=grace_s
        )

    @asynccontextmanager
    async def open(self, command: Command, *, grace_s: float = 0.2) -> AsyncGenerator[Running]:
        await self._keeper.open()
        async with self._exec.open(command, grace_s=grace_s) as running:
            yield running
