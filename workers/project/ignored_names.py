"""Which names of a directory git ignores: asked of git itself, and again only when what decides on it has changed."""

import os
import time
from collections import OrderedDict
from typing import Final, NamedTuple

from ..exec import Exec
from ..tools.in_thread import in_thread
from .git import GitAnswer, run_git
from .ignore_sources import IgnoreSources

_MAX_KEPT: Final = 200  # directories
_MAX_NAMES: Final = 2000  # of one directory whose answer is kept


class _Kept(NamedTuple):
    names: bytes
    ignored: frozenset[str]
    sources: IgnoreSources


class IgnoredNames:
    def __init__(self, exec: Exec) -> None:
        self._exec = exec
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def among(self, directory: str, names: list[str]) -> frozenset[str]:
        """``directory`` is a real path, directories among the names end in a slash and are returned without. None are
        ignored where there is no git."""
        if not names or "/.git/" in f"{directory}/":
            return frozenset()
        asked = b"\0".join(os.fsencode(name) for name in names)
        kept = self._kept.get(directory)
        if kept is not None and kept.names == asked and await in_thread(kept.sources.hold):
            self._kept.move_to_end(directory)
            return kept.ignored
        began = time.time_ns()
        sources = await in_thread(IgnoreSources.find, directory)
        answer = await self._check(directory, asked)
        ignored = frozenset(os.fsdecode(name).rstrip("/") for name in answer.stdout.split(b"\0") if name)
        # 1: none is ignored. Other codes may mean that git was stopped or did not understand: asked again next time.
        if sources is not None and answer.exit in (0, 1) and len(names) <= _MAX_NAMES:
            await self._keep(directory, _Kept(asked, ignored, sources), began)
        return ignored

    async def _check(self, directory: str, names: bytes) -> GitAnswer:
        """What is tracked is not ignored, whatever the rules say. To learn that, git holds every name against all that
        is tracked, so only those are asked for that the rules name."""
        named = await self._ask(directory, "check-ignore", "--no-index", "--stdin", "-z", stdin=names)
        if not named.stdout:
            return named
        return await self._ask(directory, "check-ignore", "--stdin", "-z", stdin=named.stdout)

    async def _keep(self, directory: str, kept: _Kept, began_ns: int) -> None:
        if kept.sources.names_others:
            answer = await self._ask(directory, "config", "--null", "--type=path", "--get-all", "core.excludesFile")
            await in_thread(kept.sources.add, [os.fsdecode(path) for path in answer.stdout.split(b"\0") if path])
        if not kept.sources.settled(began_ns):
            return
        self._kept[directory] = kept
        self._kept.move_to_end(directory)
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)

    async def _ask(self, directory: str, *arguments: str, stdin: bytes = b"") -> GitAnswer:
        return await run_git(self._exec, directory, *arguments, stdin=stdin, reader=True)
