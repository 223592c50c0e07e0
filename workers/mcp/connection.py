"""One session with a server: what it has, and calls to it. Imports the SDK: see ``sdk``."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import mcp_types as types
import structlog
import trio
from mcp.client.session import ClientSession, IncomingMessage
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from oad import __version__

from .failure import CallFailed, explain

MAX_PAGES: Final = 64
MAX_ENTRIES: Final = 2000
LIST_S: Final = 30.0
PAUSE_S: Final = 0.1
TEMPLATE_S: Final = 2.0
_TERMINATED: Final = "Session terminated"
_BROKEN: Final = frozenset({types.CONNECTION_CLOSED})

_log = structlog.get_logger("oad.mcp")
T = TypeVar("T")
Entry = dict[str, Any]


class Connection:
    """``broken`` is set, and says why, when nothing can be asked any more."""

    def __init__(self, tell_change: Callable[[], Awaitable[None]]) -> None:
        self.broken = trio.Event()
        self.reason = ""
        self.was_open = False
        self.tools: list[Entry] = []
        self.prompts: list[Entry] = []
        self.resources: list[Entry] = []
        self.templates: dict[str, str] = {}  # of prompts, once they have been made
        self._tell_change = tell_change
        self._stale: set[str] = set()
        self._changed = trio.Event()
        self._session: ClientSession | None = None

    def lost(self, reason: str) -> None:
        """The first reason counts."""
        self.reason = self.reason or reason
        self.broken.set()

    def make_session(self, streams: tuple[Any, Any]) -> ClientSession:
        info = types.Implementation(name="oad", version=__version__)
        return ClientSession(*streams, message_handler=self._on_message, client_info=info)

    async def begin(self, session: ClientSession) -> None:
        """Greets the server and asks what it has."""
        await session.initialize()
        self._session = session
        for kind in ("tools", "prompts", "resources"):
            await self.list(kind)

    async def list(self, kind: str) -> None:
        """Asks anew for "tools", "prompts" or "resources"; a server that has none of a kind need not know it."""
        session = self._opened()
        capabilities = session.server_capabilities
        if capabilities is None or getattr(capabilities, kind) is None:
            return
        entries = await _collect(getattr(session, f"list_{kind}"), kind)
        setattr(self, kind, entries)
        if kind == "prompts":
            self.templates.clear()

    async def follow(self) -> None:
        """Until the connection is broken; what the server says has changed is asked for anew."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_fresh)
            await self.broken.wait()
            nursery.cancel_scope.cancel()

    async def _keep_fresh(self) -> None:
        while True:
            await self._changed.wait()
            await trio.sleep(PAUSE_S)  # a server that goes on saying so is not asked each time
            self._changed = trio.Event()
            stale, self._stale = self._stale, set()
            for kind in stale:
                try:
                    await self.list(kind)
                except (MCPError, ValidationError, trio.TooSlowError) as error:
                    _log.warning("not listed anew", kind=kind, reason=explain(error))
            if "tools" in stale:
                await self._tell_change()

    async def _on_message(self, message: IncomingMessage) -> None:
        match message:
            case types.ToolListChangedNotification():
                self._stale.add("tools")
            case types.PromptListChangedNotification():
                self._stale.add("prompts")
            case types.ResourceListChangedNotification():
                self._stale.add("resources")
            case _:
                return
        self._changed.set()

    # --- calls ----------------------------------------------------------------------------------------------------

    async def call(self, tool: str, arguments: Entry, timeout_s: float) -> Entry:
        """The result as it is on the wire. Raises CallFailed. A server that tells of progress gets the time anew."""

        async def ask(scope: trio.CancelScope) -> types.CallToolResult:
            async def on_progress(progress: float, total: float | None, message: str | None) -> None:
                scope.deadline = trio.current_time() + timeout_s

            return await self._opened().call_tool(tool, arguments, progress_callback=on_progress)

        return _plain(await self._ask(f"{tool}", ask, timeout_s))

    async def prompt(self, name: str, arguments: dict[str, str], timeout_s: float) -> Entry:
        async def ask(scope: trio.CancelScope) -> types.GetPromptResult:
            return await self._opened().get_prompt(name, arguments)

        return _plain(await self._ask(name, ask, timeout_s))

    async def template(self, prompt: Entry) -> str:
        """A prompt's text with $1, $2… in the places of its arguments; a plain one if the server does not give it."""
        name = str(prompt["name"])
        if name not in self.templates:
            arguments = {each: f"${number}" for number, each in enumerate(argument_names(prompt), 1)}
            try:
                text = text_of(await self.prompt(name, arguments, TEMPLATE_S))
            except CallFailed:
                return " ".join([prompt.get("description") or name, *arguments.values()])
            self.templates[name] = text
        return self.templates[name]

    async def read(self, uri: str, timeout_s: float) -> Entry:
        async def ask(scope: trio.CancelScope) -> types.ReadResourceResult:
            return await self._opened().read_resource(uri)

        return _plain(await self._ask(uri, ask, timeout_s))

    async def _ask(self, what: str, ask: Callable[[trio.CancelScope], Awaitable[T]], timeout_s: float) -> T:
        with trio.CancelScope(deadline=trio.current_time() + timeout_s) as scope:
            try:
                return await self._unless_broken(ask, scope)
            except MCPError as error:
                if error.code in _BROKEN or error.message == _TERMINATED:
                    self.lost(self.reason or explain(error))
                raise CallFailed(self.reason or explain(error)) from error
            except ValidationError as error:
                raise CallFailed(f"{what}: the server's answer is not what MCP demands") from error
            except RuntimeError as error:  # the SDK's word for output that does not fit the tool's own schema
                raise CallFailed(explain(error)) from error
        raise CallFailed(f"{what}: no answer within {timeout_s:g} s")

    async def _unless_broken(self, ask: Callable[[trio.CancelScope], Awaitable[T]], scope: trio.CancelScope) -> T:
        """The end of the connection ends the call, whatever the SDK thinks of it."""
        found: list[T] = []
        failures: list[Exception] = []
        async with trio.open_nursery() as nursery:

            async def work() -> None:
                try:
                    found.append(await ask(scope))
                except (MCPError, ValidationError, RuntimeError) as error:  # in a nursery it would come out wrapped
                    failures.append(error)
                nursery.cancel_scope.cancel()

            nursery.start_soon(work)
            await self.broken.wait()
            nursery.cancel_scope.cancel()
        if failures:
            raise failures[0]
        if not found:
            raise CallFailed(self.reason or "the connection was closed")
        return found[0]

    def _opened(self) -> ClientSession:
        assert self._session is not None, "asked before it had begun"
        return self._session


async def _collect(ask: Callable[..., Awaitable[Any]], kind: str) -> list[Entry]:
    """All pages of a list, within reason. What a server announces and then refuses counts as nothing."""
    found: list[Entry] = []
    cursor: str | None = None
    with trio.fail_after(LIST_S):
        for _ in range(MAX_PAGES):
            try:
                page = await ask(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)
            except MCPError as error:
                if error.code == types.METHOD_NOT_FOUND:
                    return found
                raise
            found += [_plain(each) for each in getattr(page, kind)]
            cursor = page.next_cursor
            if not cursor or len(found) >= MAX_ENTRIES:
                break
    return found[:MAX_ENTRIES]


def _plain(model: Any) -> Entry:
    plain: Entry = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    return plain


def argument_names(prompt: Entry) -> list[str]:
    return [str(each["name"]) for each in prompt.get("arguments", [])]


def text_of(prompt: Entry) -> str:
    """What a prompt says, as one text."""
    texts: list[str] = []
    for message in prompt.get("messages", []):
        content: Entry = message.get("content", {})
        texts.append(content.get("text") or content.get("resource", {}).get("text") or "")
    return "\n".join(text for text in texts if text)
