"""CONNECT: bytes in both directions, once the client has shown whom it means to speak to."""

import trio

from oad.contract.network import Target

from .activity import Activity
from .client_hello import LONGEST, Seen, read_server_name
from .tenant import Tenant

_CHUNK = 64 * 1024
_FAILURES = (trio.BrokenResourceError, trio.ClosedResourceError)


class Tunnel:
    """What the client sends is held back until it is known not to be TLS, or TLS to the very host it asked for: else
    a shared front server would take it to any other host behind it. What the server sends is passed on at once."""

    def __init__(self, tenant: Tenant, target: Target, *, idle_s: float, head_s: float) -> None:
        self._tenant, self._target = tenant, target
        self._activity = Activity(idle_s)
        self._head_s = head_s

    async def run(
        self, client: trio.abc.HalfCloseableStream, server: trio.abc.HalfCloseableStream, first: bytes
    ) -> None:
        """``first`` is what the client has sent already."""
        with self._activity.watched():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._answer, server, client, nursery.cancel_scope)
                if await self._forward(client, server, first):
                    return
                nursery.cancel_scope.cancel()

    async def _forward(
        self, client: trio.abc.HalfCloseableStream, server: trio.abc.HalfCloseableStream, first: bytes
    ) -> bool:
        """False when the connection must end, not only this direction of it."""
        try:
            opening = await self._opening(client, first)
            if opening is None:
                return False
            await server.send_all(opening)
            await self._pump(client, server)
        except _FAILURES:
            return False
        return True

    async def _answer(
        self, server: trio.abc.HalfCloseableStream, client: trio.abc.HalfCloseableStream, scope: trio.CancelScope
    ) -> None:
        try:
            await self._pump(server, client)
        except _FAILURES:
            scope.cancel()

    async def _pump(self, source: trio.abc.HalfCloseableStream, sink: trio.abc.HalfCloseableStream) -> None:
        while data := await source.receive_some(_CHUNK):
            self._activity.touch()
            await sink.send_all(data)
        await sink.send_eof()

    async def _opening(self, client: trio.abc.HalfCloseableStream, data: bytes) -> bytes | None:
        """All that the client sent until it was clear what it is; None when that must not be passed on."""
        if not data:
            data = bytes(await client.receive_some(_CHUNK))
        seen = read_server_name(data)
        with trio.move_on_after(self._head_s):
            while seen is Seen.INCOMPLETE and len(data) < LONGEST:
                more = await client.receive_some(_CHUNK)
                if not more:
                    break
                self._activity.touch()
                data += more
                seen = read_server_name(data)
        reason = "" if not data else self._objection(seen)
        if reason:
            self._tenant.deny(self._target, reason)
            return None
        return data

    def _objection(self, seen: str | Seen) -> str:
        if seen is Seen.NOT_TLS:
            return ""
        is_address = self._target.address is not None
        if seen is Seen.NO_NAME:
            return "" if is_address else "TLS without a server name"
        if isinstance(seen, Seen):
            return f"{seen.value} ClientHello"
        return "" if seen == self._target.host else f"TLS to {seen[:253]} in a connection to {self._target.host}"
