"""A session's snapshots of its worktree: trees in a git directory of oad's own, made by git in the sandbox."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog
import trio

from oad.contract.worker import SnapshotPlace

from ..exec import Command, Exec, ExecFailed
from ..project.enclosure import shown
from .changes import ABSENT, Change, Entry, batched, read_changes, read_entries, read_pairs
from .scripts import (
    COLLECT,
    COMPARE,
    ENTRIES,
    FIRST_LIST,
    FIRST_RECORD,
    LIST,
    READ,
    READ_SMALL,
    RECORD,
    RECORD_ON,
    SHOW,
)

_log = structlog.get_logger("oad.snapshots")

_TIMEOUT_S: Final = 60.0
_MEGABYTE: Final = 1 << 20
_MAX_SAID: Final = 4096
_MAX_OUTPUT: Final = 256 * _MEGABYTE
_MAX_LISTED: Final = 32 * _MEGABYTE  # bytes of names
_TREE: Final = 40  # hexadecimal digits


class NoSnapshot(Exception):
    """There is none, or it can't be read any more; the text says why."""


class TooLarge(NoSnapshot):
    """More than the operator allows: trying again does not help."""


class Recorded(msgspec.Struct, frozen=True):
    """``changes`` are against the tree that it was compared with. ``left_out``: what is too large, or can't
    be read: of that nobody can tell what they were."""

    tree: str
    changes: list[Change] = []
    left_out: frozenset[str] = frozenset()


class Listed(msgspec.Struct, frozen=True):
    """``tree`` is the one that was recorded last, ``changed`` what differs from it now."""

    tree: str | None
    changed: list[str]
    left_out: frozenset[str] = frozenset()


class SnapshotStore:
    """``name`` is the session's. One call at a time; whoever wants several in a row without another in between keeps
    to its own lock."""

    def __init__(self, exec: Exec, place: SnapshotPlace, name: str) -> None:
        self._exec = exec
        self._place = place
        self._index = f"{place.directory}/index-{name}"
        self._prepared = False
        self._recorded = 0  # bytes, since they were last collected
        self.worktree = Path(place.worktree)

    async def list_changed(self) -> Listed:
        """Without what git ignores. Raises NoSnapshot, for a tree larger than the operator allows TooLarge."""
        script = LIST if self._prepared else FIRST_LIST
        tree, _, listed = (await self._run("list", script, limit=_MAX_LISTED)).partition(b"\n")
        self._prepared = True
        names = list(dict.fromkeys(os.fsdecode(name) for name in listed.split(b"\0") if name))
        chosen = await trio.to_thread.run_sync(self._choose, names)
        return Listed(tree.decode() or None, chosen, frozenset(names) - set(chosen))

    async def record(self, paths: Iterable[str], since: str | None = None) -> Recorded:
        """Takes the files at ``paths`` in as they are now, or out where they are no more."""
        names = list(dict.fromkeys(paths))
        chosen = await trio.to_thread.run_sync(self._choose, names)
        given = b"".join(os.fsencode(path) + b"\0" for path in chosen)
        said = await self._run("record", RECORD if self._prepared else FIRST_RECORD, since or "", stdin=given)
        self._prepared = True
        tree, _, raw = said.partition(b"\n")
        return Recorded(_checked(tree.decode()), read_changes(raw), frozenset(names) - set(chosen))

    async def compare(self, pairs: Sequence[tuple[str, str]]) -> list[list[Change]]:
        """What each pair of trees differs in. Raises NoSnapshot when one of them is not kept any more."""
        if not pairs:
            return []
        lines = "".join(f"{_checked(before)} {_checked(after)}\n" for before, after in pairs)
        found = read_pairs(await self._run("compare", COMPARE, stdin=lines.encode()))
        if any(pair not in found for pair in pairs):
            raise NoSnapshot("the snapshots of these messages are not kept any more")
        return [found[pair] for pair in pairs]

    async def read(self, blobs: Iterable[str], *, small: bool = False) -> dict[str, bytes]:
        """Contents by name; of ``small`` ones only. Raises NoSnapshot when one is not kept any more."""
        wanted = list(dict.fromkeys(blobs))
        if not wanted:
            return {}
        lines = "".join(f"{_checked(blob)}\n" for blob in wanted)
        return _contents(await self._run("read", READ_SMALL if small else READ, stdin=lines.encode()))

    async def entries(self, tree: str, paths: Sequence[str]) -> dict[str, Entry]:
        """What a tree holds of these; ABSENT for those that it does not have. Raises NoSnapshot."""
        found = dict.fromkeys(paths, ABSENT)
        for some in batched(paths):
            found |= read_entries(await self._run("look up", ENTRIES, _checked(tree), *some))
        return found

    async def record_on(self, tree: str, paths: Sequence[str]) -> str:
        """That tree with these files as they are now. Raises NoSnapshot."""
        given = b"".join(os.fsencode(path) + b"\0" for path in paths)
        return _checked((await self._run("record", RECORD_ON, _checked(tree), stdin=given)).decode().strip())

    async def show(self, before: str, after: str, paths: Sequence[str]) -> str:
        """The difference in the form of ``git diff``."""
        texts = [await self._run("show", SHOW, _checked(before), _checked(after), *some) for some in batched(paths)]
        return b"".join(texts).decode("utf-8", "replace").strip("\n")

    async def collect(self) -> None:
        """Forgets what is too old or too much. Raises NoSnapshot when too much is left."""
        policy = self._place.policy
        most = policy.store_mb << 10
        left = int(await self._run("collect", COLLECT, str(policy.keep_days), str(most)) or b"0")
        self._recorded = 0
        if left > most:
            raise TooLarge(f"the project's snapshots take {left >> 10} MB, more than [snapshots] store_mb allows")

    def shown(self, path: str) -> str:
        """As messages name a file: absolute, and as JSON can carry it."""
        return shown(str(self.worktree / path))

    @property
    def overdue(self) -> bool:
        """Much was recorded since they were last collected."""
        return self._recorded > self._place.policy.store_mb * _MEGABYTE // 8

    def _choose(self, paths: list[str]) -> list[str]:
        """Without what is too large, unreadable, or no file. Missing ones stay, in front: they are to be taken out
        before something can come in their place."""
        policy, total, gone, chosen = self._place.policy, 0, list[str](), list[str]()
        if len(paths) > policy.files:
            raise TooLarge(f"there are {len(paths)} files, more than [snapshots] files allows")
        for path in paths:
            size = _size(self.worktree / path) if not path.endswith("/") else None
            if size is None or size > policy.file_mb * _MEGABYTE:
                continue
            (gone if size < 0 else chosen).append(path)
            total += max(size, 0)
        if total > policy.tree_mb * _MEGABYTE:
            raise TooLarge(f"the files take {total // _MEGABYTE} MB, more than [snapshots] tree_mb allows")
        self._recorded += total
        return gone + chosen

    async def _run(
        self, name: str, script: str, *arguments: str, stdin: bytes = b"", limit: int = 256 * _MEGABYTE
    ) -> bytes:
        """Raises NoSnapshot."""
        output, said = bytearray(), bytearray()

        async def take(chunk: bytes) -> None:
            if len(output) + len(chunk) > limit:
                raise NoSnapshot("git says more than can be taken in")
            output.extend(chunk)

        async def hear(chunk: bytes) -> None:
            said.extend(chunk[: _MAX_SAID - len(said)])

        try:
            outcome = await self._exec.run(
                self._command(name, script, arguments, stdin), on_stdout=take, on_stderr=hear, timeout_s=_TIMEOUT_S
            )
        except* NoSnapshot as group:
            raise NoSnapshot(str(group.exceptions[0])) from None
        except* ExecFailed as failed:
            raise NoSnapshot(str(failed.exceptions[0])) from None
        if outcome.exit != 0:
            reason = "it took too long" if outcome.timed_out else said.decode("utf-8", "replace").strip()[-500:]
            _log.warning("git failed", place=self._place.directory, exit=outcome.exit, said=reason)
            raise NoSnapshot(f"git failed: {reason}")
        return bytes(output)

    def _command(self, name: str, script: str, arguments: Sequence[str], stdin: bytes) -> Command:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        place = self._place
        environment |= {
            "GIT_DIR": place.directory,
            "GIT_WORK_TREE": place.worktree,
            "GIT_INDEX_FILE": self._index,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        return Command(
            argv=["/bin/sh", "-c", script, "snapshot", *arguments],
            cwd=place.worktree,
            env=environment,
            stdin=stdin,
            merge_stderr=False,
            snapshots=True,
            shown=f"snapshot: {name}",
        )


def _size(path: Path) -> int | None:
    """-1 for what is there no more, or is a directory now; None for what can't be recorded."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return -1
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return 0
    if stat.S_ISDIR(status.st_mode):
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK) else None


def _checked(name: str) -> str:
    """Names of objects come from stored messages, which clients can write. Raises NoSnapshot."""
    if len(name) != _TREE or not all(digit in "0123456789abcdef" for digit in name):
        raise NoSnapshot(f"{name[:60]!r} is no name of a snapshot")
    return name


def _contents(raw: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    at = 0
    while at < len(raw):
        end = raw.index(b"\n", at)
        name, *rest = raw[at:end].split(b" ")
        if len(rest) != 2:
            raise NoSnapshot("what these files held is not kept any more")
        size = int(rest[1])
        found[name.decode()] = raw[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found
