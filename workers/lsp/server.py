"""One language server at one root: its start, the files it was told of, its findings, its end."""

import hashlib
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog
import trio

from oad.contract.files import Symbol

from ..exec import Command, Exec, ExecFailed
from .choice import Chosen
from .connection import Connection, RequestFailed, ServerLost
from .findings import Findings, uri_of
from .greeting import Greeting
from .symbols import read_symbols
from .table import language_of

_log = structlog.get_logger("oad.lsp")

_INITIALIZE_S: Final = 45.0
_SYMBOLS_S: Final = 3.0
START_S: Final = 8.0  # so long after its start an edit waits for it
DIAGNOSE_S: Final = 3.0
_IMPATIENT_S: Final = 0.5  # for one that twice said nothing in time
_REASON_S: Final = 0.5
_WARNING: Final = 2  # 1 is an error; what is above would be shown to nobody
_MAX_SAID: Final = 1000
_MAX_OPEN: Final = 100  # files; those touched longest ago are closed


class World(msgspec.Struct, frozen=True):
    """What all servers of a directory share. ``updated`` tells clients that one has come or gone."""

    exec: Exec
    environment: dict[str, str]
    updated: Callable[[], Awaitable[None]]


class _Said(msgspec.Struct):
    type: int
    message: str


class _Document(msgspec.Struct):
    version: int
    digest: bytes


class LanguageServer:
    """``settled``: it can be spoken with (``connected``), or it is lost. ``run`` ends when it is."""

    def __init__(self, chosen: Chosen, world: World) -> None:
        self.chosen = chosen
        self.findings = Findings()
        self.connected = self.was_connected = False
        self.settled = trio.Event()
        self.problem = ""
        self.started = self.used = trio.current_time()
        self._world = world
        self._greeting = Greeting(chosen)
        self._documents: dict[str, _Document] = {}  # longest untouched first
        self._connection: Connection | None = None
        self._fruitless = 0
        self._life = trio.CancelScope()
        self._lost = trio.Event()

    async def run(self) -> None:
        """Never raises but for cancellation; ``problem`` says why it ended."""
        try:
            with self._life:
                await self._live()
        except ExecFailed as error:
            self.problem = str(error)
        finally:
            self.connected = False
            self._lost.set()
            self.settled.set()
        _log.info("language server ended", server=self.chosen.server.id, root=self.chosen.root, reason=self.problem)
        if self.was_connected:
            await self._world.updated()

    @property
    def over(self) -> bool:
        return self._lost.is_set()

    def stop(self) -> None:
        self._life.cancel()

    async def _live(self) -> None:
        chosen = self.chosen
        command = Command(
            [chosen.program, *chosen.server.command[1:]],
            chosen.root,
            {**self._world.environment, **chosen.server.environment},
            profile="read-only",
            shown=f"language server {chosen.server.id}",
        )
        async with self._world.exec.open(command) as running:
            connection = Connection(running, self._notified, self._greeting.answer)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow, connection, nursery.cancel_scope)
                await self._initialize(connection, nursery.cancel_scope)
                await trio.sleep_forever()
            with trio.move_on_after(_REASON_S):
                await running.wait()  # raises what kept it from starting

    async def _follow(self, connection: Connection, scope: trio.CancelScope) -> None:
        try:
            await connection.run()
        except ServerLost as error:
            self._end(str(error), scope)

    async def _initialize(self, connection: Connection, scope: trio.CancelScope) -> None:
        try:
            await connection.request("initialize", self._greeting.initialize(), timeout_s=_INITIALIZE_S)
            for method, params in self._greeting.after():
                connection.notify(method, params)
        except (RequestFailed, ServerLost) as error:
            self._end(str(error), scope)
            return
        self._connection, self.connected, self.was_connected = connection, True, True
        self.settled.set()
        await self._world.updated()

    def _end(self, problem: str, scope: trio.CancelScope) -> None:
        self.problem = self.problem or problem
        scope.cancel()

    def _notified(self, method: str, params: msgspec.Raw) -> None:
        if method == "textDocument/publishDiagnostics":
            self.findings.take(params)
        elif method == "window/showMessage":
            said = msgspec.json.decode(params, type=_Said)
            if said.type <= _WARNING:
                _log.warning("language server says", server=self.chosen.server.id, message=said.message[:_MAX_SAID])

    # --- files ------------------------------------------------------------------------------------------------------

    async def ready(self) -> bool:
        """Waits for a server that is being started, but not for ever."""
        with trio.move_on_at(self.started + START_S):
            await self.settled.wait()
        return self.connected

    def tell(self, path: str, text: str, *, written: bool) -> int | None:
        """The server hears of a file as it is now. Returns the version, None if it knows it so. Raises ServerLost."""
        if self._connection is None:
            raise ServerLost(self.problem)
        self.used = trio.current_time()
        uri, digest = uri_of(path), hashlib.sha256(text.encode("utf-8", "replace")).digest()
        known = self._documents.pop(path, None)
        if known is not None and known.digest == digest:
            self._documents[path] = known
            return None
        version = 0 if known is None else known.version + 1
        self._documents[path] = _Document(version, digest)
        if written:
            change = {"uri": uri, "type": 1 if known is None else 2}
            self._connection.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
        document: dict[str, Any] = {"uri": uri, "version": version}
        if known is None:
            opened = {**document, "languageId": language_of(os.path.basename(path)), "text": text}  # noqa: PTH119
            self._connection.notify("textDocument/didOpen", {"textDocument": opened})
        else:
            changed = {"textDocument": document, "contentChanges": [{"text": text}]}
            self._connection.notify("textDocument/didChange", changed)
        if written:
            self._connection.notify("textDocument/didSave", {"textDocument": {"uri": uri}, "text": text})
        self._close_oldest(self._connection)
        return version

    def forget(self, path: str) -> None:
        """The file is gone, or nothing for servers any more. Raises ServerLost."""
        self.findings.forget(path)
        if self._connection is not None and self._documents.pop(path, None) is not None:
            self._connection.notify("textDocument/didClose", {"textDocument": {"uri": uri_of(path)}})
            change = {"uri": uri_of(path), "type": 3}
            self._connection.notify("workspace/didChangeWatchedFiles", {"changes": [change]})

    def _close_oldest(self, connection: Connection) -> None:
        while len(self._documents) > _MAX_OPEN:
            oldest = next(iter(self._documents))
            del self._documents[oldest]
            connection.notify("textDocument/didClose", {"textDocument": {"uri": uri_of(oldest)}})

    async def diagnose(self, path: str, text: str) -> None:
        """Tells it of a file that was written, and waits a while for what it finds. Raises ServerLost."""
        seen = self.findings.count(path)
        version = self.tell(path, text, written=True)
        if version is None:
            return
        with trio.move_on_after(_IMPATIENT_S if self._fruitless >= 2 else DIAGNOSE_S) as patience:
            await self._until_fresh(path, seen, version)
        heard = self.findings.count(path) > seen
        self._fruitless = self._fruitless + 1 if patience.cancelled_caught and not heard else 0

    async def _until_fresh(self, path: str, seen: int, version: int) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_lost, nursery.cancel_scope)
            await self.findings.fresh(path, seen=seen, version=version)
            nursery.cancel_scope.cancel()

    async def _until_lost(self, scope: trio.CancelScope) -> None:
        await self._lost.wait()
        scope.cancel()

    async def symbols(self, query: str) -> list[Symbol]:
        """Empty when it has nothing to say in time."""
        if self._connection is None:
            return []
        try:
            found = await self._connection.request("workspace/symbol", {"query": query}, timeout_s=_SYMBOLS_S)
        except (RequestFailed, ServerLost):
            return []
        return read_symbols(found)
