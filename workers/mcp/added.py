"""Servers that clients have added, kept by the daemon: they outlive the process that holds their connections."""

import msgspec
import structlog
import trio

from oad.contract.mcp import McpAdded, MCPStatusDisabled

from ..link import Link
from .failure import Refused
from .servers import Servers

_log = structlog.get_logger("oad.mcp")


class Added:
    def __init__(self, servers: Servers, link: Link) -> None:
        self._servers = servers
        self._link = link
        self._recalling = trio.Lock()
        self._recalled = False

    async def recall(self) -> None:
        """Starts what an earlier process had; once. Raises ApiError."""
        async with self._recalling:
            if self._recalled:
                return
            body = await self._link.call("mcp.added.get", {})
            for each in msgspec.json.decode(body, type=list[McpAdded]):
                self._start(each)
            self._recalled = True

    def _start(self, wanted: McpAdded) -> None:
        try:
            server = self._servers.add(wanted.name, wanted.config)
        except Refused as error:
            _log.warning("a server that was added may not run any more", name=wanted.name, reason=str(error))
            return
        if wanted.stopped:
            server.stop()

    async def tell(self) -> None:
        """After a change. Raises ApiError."""
        kept = [
            McpAdded(name=each.name, config=each.config, stopped=isinstance(each.status, MCPStatusDisabled) or None)
            for each in self._servers.added()
        ]
        await self._link.call("mcp.added.set", {}, msgspec.json.encode(kept))
