"""All servers of a directory: those of its configuration, and those that clients have added."""

from collections.abc import Callable
from typing import Final

import msgspec
import trio

from oad.contract.errors import tagged
from oad.contract.mcp import McpConfig, McpLocal, McpStatus, MCPStatusFailed
from oad.contract.redact import KNOWN

from ..config.masking import find_secrets
from ..config.settings import McpSection
from .server import Server, World, make_command

Sections = Callable[[], dict[str, McpSection]]
FIRST_S: Final = 10.0  # after its start a server that is not there yet is waited for no longer


class Servers:
    """``run`` must be running. ``sections``: the configured ones as they are now; raises ApiError."""

    def __init__(self, world: World, sections: Sections) -> None:
        self._world = world
        self._sections = sections
        self._configured: dict[str, McpSection] = {}
        self._added: set[str] = set()
        self._broken: dict[str, MCPStatusFailed] = {}  # sections that say nothing sensible
        self._table: dict[str, Server] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; no server's process is left then."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    @property
    def nursery(self) -> trio.Nursery:
        assert self._nursery is not None, "used before it runs"
        return self._nursery

    def sync(self) -> None:
        """Follows the configuration: starts what is new or has changed, ends what is gone. Raises ApiError."""
        sections = {name: section for name, section in self._sections().items() if section.type is not None}
        for name in self._configured.keys() - sections.keys() - self._added:
            self._forget(name)
        for name, section in sections.items():
            if name not in self._added and self._configured.get(name) != section:
                self._configure(name, section)
        self._configured = sections

    def _configure(self, name: str, section: McpSection) -> None:
        self._forget(name)
        KNOWN.learn(find_secrets(msgspec.to_builtins(section)))
        try:
            config = msgspec.convert(msgspec.to_builtins(section), McpConfig)
        except msgspec.ValidationError as error:
            self._broken[name] = MCPStatusFailed(error=f"mcp.{name}: {error}")
            return
        self._put(name, config)

    def _forget(self, name: str) -> None:
        self._broken.pop(name, None)
        if (server := self._table.pop(name, None)) is not None:
            server.stop()

    def _put(self, name: str, config: McpConfig) -> Server:
        server = self._table[name] = Server(name, config, self._world)
        if config.enabled is not False:
            server.start(self.nursery)
        else:
            server.stop()
        return server

    def add(self, name: str, config: McpConfig) -> Server:
        """In the place of the one that has the name. Raises Refused."""
        if isinstance(config, McpLocal):
            make_command(config, self._world)
        KNOWN.learn(find_secrets(msgspec.to_builtins(config)))  # whatever the server does with them
        self.sync()
        self._added.add(name)
        self._forget(name)
        return self._put(name, config)

    def added(self) -> list[Server]:
        """Those that clients have added."""
        return [server for name, server in self._table.items() if name in self._added]

    def find(self, name: str) -> Server:
        """Raises ApiError 404."""
        self.sync()
        server = self._table.get(name)
        if server is None:
            raise tagged(404, "McpServerNotFoundError", name=name, message=f"MCP server not found: {name}")
        return server

    def statuses(self) -> dict[str, McpStatus]:
        return {**self._broken, **{name: server.status for name, server in self._table.items()}}

    async def connected(self) -> list[Server]:
        """Those that can be spoken with; waits, within reason, for those that are being started for the first time."""
        self.sync()
        servers = list(self._table.values())
        for server in servers:
            with trio.move_on_at(server.began + FIRST_S):
                await server.first.wait()
        for server in servers:
            server.retry(self.nursery)
        return [server for server in servers if server.connection is not None]
