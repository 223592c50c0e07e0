"""The flows by which people authorize remote servers, and the need for this process that comes with them."""

from typing import Any

import trio

from oad.contract.errors import ApiError, bad_request
from oad.contract.mcp import McpAuthStart, McpRemote, McpStatus, MCPStatusConnected

from ..link import Link
from .authorization import Authorization, Code
from .callback import listening
from .server import Server
from .servers import Servers


class Authorizing:
    def __init__(self, servers: Servers, link: Link) -> None:
        self._servers = servers
        self._link = link
        self._pending: dict[str, Authorization] = {}
        self._needed = False

    async def start(self, server: Server) -> McpAuthStart:
        """Where a person has to go; empty when the server is connected without. Raises ApiError 400."""
        authorization = await self._begin(server)
        if authorization is not None:
            return McpAuthStart(authorization_url=authorization.url, oauth_state=authorization.state)
        if isinstance(server.status, MCPStatusConnected):
            return McpAuthStart(authorization_url="", oauth_state="")
        raise _refused(getattr(server.status, "error", "the server can't be authorized"))

    async def finish(self, server: Server, code: str) -> McpStatus:
        """With what the person came back with. Raises ApiError 400."""
        authorization = self._pending.get(server.name)
        if authorization is None:
            raise bad_request(f"No authorization of {server.name} is under way")
        authorization.answer(Code(code))
        await server.settled.wait()
        return server.status

    async def lead(self, server: Server) -> McpStatus:
        """The whole way, until the person is back. There is no browser here, so clients are told where to go."""
        authorization = await self._begin(server)
        if authorization is not None:
            properties = {"mcpName": server.name, "url": authorization.url}
            await self._link.publish("mcp.browser.open.failed", properties, durable=False)
        await server.settled.wait()
        return server.status

    async def remove(self, server: Server) -> None:
        """Forgets what was granted; a connection that came of it ends."""
        credentials = server.credentials()
        if credentials is None:
            return
        held = await credentials.read()
        await credentials.remove()
        if held.get("access") and server.connection is not None:
            server.start(self._servers.nursery)

    async def tell_need(self) -> None:
        """While there is something that only this process has, it is not to be put away."""
        needed = bool(self._pending)
        if needed != self._needed:
            self._needed = needed
            await self._link.call("daemon.needed", {"needed": "true" if needed else "false"})

    async def _begin(self, server: Server) -> Authorization | None:
        """None when it needs no person: it is connected, or can't be had at all."""
        if not isinstance(server.config, McpRemote) or server.config.oauth is False:
            raise _refused(f"MCP server {server.name} does not support OAuth")
        authorization = self._pending[server.name] = Authorization()
        server.start(self._servers.nursery, authorization)
        self._servers.nursery.start_soon(self._attend, server, authorization, server.settled)
        await self.tell_need()
        await _first_of(authorization.asked, server.settled)
        return authorization if authorization.asked.is_set() else None

    async def _attend(self, server: Server, authorization: Authorization, settled: trio.Event) -> None:
        from .oauth import place_of_return

        assert isinstance(server.config, McpRemote)
        try:
            await _first_of(authorization.asked, settled)
            if authorization.asked.is_set():
                async with listening(authorization, place_of_return(server.config)):
                    await settled.wait()
        finally:
            if self._pending.get(server.name) is authorization:
                del self._pending[server.name]
        await self.tell_need()


def _refused(text: Any) -> ApiError:
    return ApiError(400, {"error": str(text)})


async def _first_of(*events: trio.Event) -> None:
    async with trio.open_nursery() as nursery:

        async def watch(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(watch, event)
