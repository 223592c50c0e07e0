"""All language servers of a directory, shared by its sessions: started by the first file that they serve, started again
after a loss with growing pauses, ended when they are no longer configured, or when too many run."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from oad.contract.catalogue import LSPStatus
from oad.contract.files import Symbol
from oad.contract.language import Diagnostic, Diagnostics

from ..tools.in_thread import in_thread
from .backoff import Backoff
from .choice import Chosen, LanguageChoice
from .connection import ServerLost
from .server import LanguageServer, World

_MAX_SERVERS: Final = 12  # of one directory
_MAX_BYTES: Final = 2 << 20  # larger files are not shown to servers
_MAX_FILES: Final = 50  # in one answer
_TOUCH_S: Final = 12.0

Key = tuple[str, str]


class LanguageServers:
    """``run`` must be running. ``choice`` is asked each time; it raises ApiError for broken configuration."""

    def __init__(self, directory: str, world: World, choice: Callable[[], LanguageChoice]) -> None:
        self._directory = directory
        self._world = world
        self._choice = choice
        self._servers: dict[Key, LanguageServer] = {}
        self._losses: dict[Key, Backoff] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; no server's process is left then."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    # --- questions --------------------------------------------------------------------------------------------------

    def status(self) -> list[LSPStatus]:
        """Those that run, or did until they were lost. Raises ApiError."""
        self._sync(self._choice())
        return [
            LSPStatus(
                id=id,
                name=id,
                root=os.path.relpath(root, self._directory) if root != self._directory else "",
                status="connected" if server.connected else "error",
            )
            for (id, root), server in sorted(self._servers.items())
            if server.was_connected
        ]

    async def symbols(self, query: str) -> list[Symbol]:
        """From the servers that run; none is started for it. Raises ApiError."""
        self._sync(self._choice())
        found = dict[Key, list[Symbol]]()

        async def ask(key: Key, server: LanguageServer) -> None:
            found[key] = await server.symbols(query)

        async with trio.open_nursery() as nursery:
            for key, server in self._servers.items():
                nursery.start_soon(ask, key, server)
        return [symbol for key in sorted(found) for symbol in found[key]]

    # --- files ------------------------------------------------------------------------------------------------------

    def touch_soon(self, files: list[str]) -> None:
        """They were read: their servers are started and told, while nobody waits. Raises ApiError."""
        choice = self._choice()
        self._nurse().start_soon(self._touch_all, choice, files[:_MAX_FILES], False)

    async def touch(self, files: list[str]) -> Diagnostics:
        """They were written. What is known of them then, and of others. Raises ApiError."""
        with trio.move_on_after(_TOUCH_S):
            await self._touch_all(self._choice(), files[:_MAX_FILES], True)
        return self._known(files)

    async def _touch_all(self, choice: LanguageChoice, files: list[str], written: bool) -> None:
        self._sync(choice)
        async with trio.open_nursery() as nursery:
            for file in files:
                for chosen in await in_thread(_find, choice, Path(file)):
                    server = self._ensure(chosen)
                    if server is not None:
                        nursery.start_soon(_touch, server, file, written)

    def _ensure(self, chosen: Chosen) -> LanguageServer | None:
        """None while a lost one rests."""
        key = (chosen.server.id, chosen.root)
        server = self._servers.get(key)
        if server is not None and server.chosen != chosen:
            server.stop()
            server = None
        if server is not None and not server.over:
            return server
        if not self._losses.setdefault(key, Backoff()).allows(trio.current_time()):
            return None
        self._make_room()
        server = self._servers[key] = LanguageServer(chosen, self._world)
        self._nurse().start_soon(self._lead, key, server)
        return server

    async def _lead(self, key: Key, server: LanguageServer) -> None:
        await server.run()
        if self._servers.get(key) is server:
            now = trio.current_time()
            self._losses.setdefault(key, Backoff()).lost(now, now - server.started)

    def _make_room(self) -> None:
        living = {key: server for key, server in self._servers.items() if not server.over}
        if len(living) >= _MAX_SERVERS:
            self._forget(min(living, key=lambda key: living[key].used))

    def _sync(self, choice: LanguageChoice) -> None:
        for key, server in list(self._servers.items()):
            if not choice.has(server.chosen.server):
                self._forget(key)

    def _forget(self, key: Key) -> None:
        self._servers.pop(key).stop()
        self._losses.pop(key, None)

    def _nurse(self) -> trio.Nursery:
        assert self._nursery is not None, "used before it runs"
        return self._nursery

    def _known(self, files: list[str]) -> Diagnostics:
        """First of the files themselves, then of those with findings, then of the rest."""
        merged = dict[str, list[Diagnostic]]()
        for server in self._servers.values():
            for path, found in server.findings.by_path.items():
                merged.setdefault(path, []).extend(found)
        order = sorted(merged, key=lambda path: (path not in files, not merged[path]))
        return {path: merged[path] for path in order[:_MAX_FILES]}


def _find(choice: LanguageChoice, file: Path) -> list[Chosen]:
    """Blocks."""
    return choice.matching(file) if choice.covers(file) else []


async def _touch(server: LanguageServer, file: str, written: bool) -> None:
    if not await server.ready():
        return
    text = await in_thread(_read, Path(file))
    try:
        if text is None:
            server.forget(file)
        elif written:
            await server.diagnose(file, text)
        else:
            server.tell(file, text, written=False)
    except ServerLost:
        return


def _read(file: Path) -> str | None:
    """None for what is no text file, or too large. Blocks."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return None
        return file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
