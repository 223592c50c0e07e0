"""HTTP from the worker through the filtering proxy, by CONNECT, over the proxy's Unix socket."""

from collections.abc import Iterable
from typing import Any, Final, cast

import httpcore2
import httpx2

from oad.contract.proxy import Dial, frame

from ..egress import Egress
from .tool import ToolFailed

_LONGEST_ANSWER: Final = 64 * 1024


class NetworkDenied(ToolFailed):
    """The session's network policy does not allow the host."""


class ProxiedTransport(httpx2.AsyncHTTPTransport):
    """Every connection is dialled by the proxy, which judges its host and address."""

    def __init__(self, egress: Egress) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=_Backend(egress)
        )


class _Backend(httpcore2.AsyncNetworkBackend):
    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._sockets = cast(httpcore2.AsyncNetworkBackend, httpcore2.TrioBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises NetworkDenied, httpcore2.ConnectError."""
        stream: httpcore2.AsyncNetworkStream
        stream = await self._sockets.connect_unix_socket(self._egress.proxy, timeout)
        try:
            await self._connect(stream, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", timeout)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def _connect(self, stream: httpcore2.AsyncNetworkStream, target: str, timeout: float | None) -> None:
        request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
        await stream.write(frame(Dial(self._egress.session, self._egress.allow)) + request, timeout)
        head, body = await _read_head(stream, timeout)
        status = head.split(b" ", 2)[1:2]
        if status == [b"200"] and not body:
            return
        while status == [b"403"] and len(body) < _LONGEST_ANSWER and (more := await stream.read(4096, timeout)):
            body += more
        if status == [b"403"]:
            reason = body.decode(errors="replace").removeprefix("oad: ").strip()
            raise NetworkDenied(f"{target} was not fetched: {reason}")
        raise httpcore2.ConnectError(f"the proxy could not connect to {target}")


async def _read_head(stream: httpcore2.AsyncNetworkStream, timeout: float | None) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.read(4096, timeout)
        if not more or len(data) > _LONGEST_ANSWER:
            raise httpcore2.ConnectError("the network proxy does not answer")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest
