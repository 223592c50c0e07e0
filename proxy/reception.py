"""One connection of a session: its request is read, judged, and carried out."""

from typing import Final

import h11
import trio

from oad.contract.network import BadHost, Target, parse_target

from .dial import Denied, Unreachable
from .http_side import HttpSide
from .plain import BadRequest, exchange, rewritten, target_of
from .settings import ProxySettings
from .tenant import Tenant
from .tunnel import Tunnel

_DENIED: Final = b"Denied by the network policy of this session"
_BUSY: Final = b"HTTP/1.1 503 Too Many Connections\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_LINGER_S: Final = 1.0


async def receive(stream: trio.SocketStream, tenant: Tenant, settings: ProxySettings) -> None:
    """Returns when the connection is closed; never raises for what the other sides do."""
    try:
        async with stream:
            with tenant.slot() as free:
                if free:
                    await _Reception(stream, tenant, settings).serve()
                else:
                    await stream.send_all(_BUSY)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return  # the client has gone


class _Reception:
    def __init__(self, stream: trio.SocketStream, tenant: Tenant, settings: ProxySettings) -> None:
        self._stream, self._tenant, self._settings = stream, tenant, settings
        self._side = HttpSide(stream, h11.SERVER)

    async def serve(self) -> None:
        try:
            with trio.fail_after(self._settings.head_s):
                request = await self._side.receive()
        except trio.TooSlowError:
            await self._answer(408, b"Request Timeout", "the request did not arrive in time")
        except h11.RemoteProtocolError as error:
            await self._answer(error.error_status_hint, b"Bad Request", str(error))
        else:
            if isinstance(request, h11.Request):
                await self._carry_out(request)

    async def _carry_out(self, request: h11.Request) -> None:
        try:
            if request.method == b"CONNECT":
                await self._tunnel(request)
            else:
                await self._forward(request)
        except BadRequest as error:
            await self._answer(400, b"Bad Request", str(error))
        except Denied as denied:
            await self._answer(403, _DENIED, f"the network policy of this session does not allow it: {denied}")
        except Unreachable as error:
            await self._answer(502, b"Bad Gateway", str(error))
        except h11.RemoteProtocolError as error:
            await self._answer(502, b"Bad Gateway", str(error))

    async def _forward(self, request: h11.Request) -> None:
        target, forwarded = target_of(request), rewritten(request)
        async with await self._tenant.reach(target) as server:
            try:
                await exchange(self._side, forwarded, server, idle_s=self._settings.idle_s)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise Unreachable(f"{target} closed the connection") from error

    async def _tunnel(self, request: h11.Request) -> None:
        target = _authority(request)
        async with await self._tenant.reach(target) as server:
            await self._side.send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
            first, _ = self._side.http.trailing_data
            tunnel = Tunnel(self._tenant, target, idle_s=self._settings.idle_s, head_s=self._settings.head_s)
            await tunnel.run(self._stream, server, bytes(first))

    async def _answer(self, status: int, phrase: bytes, text: str) -> None:
        """A refusal, unless the answer of a server has begun already: then the connection just ends."""
        if self._side.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = f"oad: {text}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self._side.send(h11.Response(status_code=status, headers=headers, reason=phrase))
        await self._side.send(h11.Data(data=body))
        await self._side.send(h11.EndOfMessage())
        await self._linger()

    async def _linger(self) -> None:
        """Closing with unread data makes the kernel reset the connection, and the client lose the answer."""
        await self._stream.send_eof()
        with trio.move_on_after(_LINGER_S):
            while await self._stream.receive_some(65536):
                pass


def _authority(request: h11.Request) -> Target:
    """Raises BadRequest."""
    try:
        return parse_target(request.target.decode("ascii"))
    except (BadHost, UnicodeDecodeError) as error:
        raise BadRequest(f"CONNECT needs host:port: {error}") from error
