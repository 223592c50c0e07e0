"""The place to which a browser comes back from an authorization: a page on this host's loopback."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import parse_qs, urlsplit

import structlog
import trio

from .authorization import Authorization, Code

_log = structlog.get_logger("oad.mcp")

PORT: Final = 19876
PATH: Final = "/mcp/oauth/callback"
_LONGEST: Final = 16 * 1024
_PATIENCE_S: Final = 10.0
_DONE: Final = "Authorized. You can close this window."
_WRONG: Final = "This is no answer to an authorization that is under way."


def redirect_uri(port: int | None) -> str:
    return f"http://127.0.0.1:{port or PORT}{PATH}"


@contextlib.asynccontextmanager
async def listening(authorization: Authorization, uri: str) -> AsyncGenerator[bool]:
    """While the block lasts whoever comes to ``uri`` answers; False where it is not on this host's loopback, or taken:
    then the code has to come by way of a client."""
    place = urlsplit(uri)
    if place.hostname not in ("127.0.0.1", "localhost") or place.scheme != "http":
        yield False
        return
    try:
        (listener,) = await trio.open_tcp_listeners(place.port or 80, host="127.0.0.1")
    except OSError as error:
        _log.warning("no place for the answer to an authorization", address=uri, reason=str(error))
        yield False
        return
    page = _Page(authorization, place.path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, page.serve, [listener])
        try:
            yield True
        finally:
            nursery.cancel_scope.cancel()


class _Page:
    def __init__(self, authorization: Authorization, path: str) -> None:
        self._authorization = authorization
        self._path = path

    async def serve(self, stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(_PATIENCE_S):
            async with stream:
                head = b""
                while b"\r\n\r\n" not in head and len(head) < _LONGEST:
                    data = await stream.receive_some()
                    if not data:
                        return
                    head += data
                good = self._take(head)
                text = _DONE if good else _WRONG
                status = "200 OK" if good else "400 Bad Request"
                await stream.send_all(
                    f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
                    f"content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode()
                )

    def _take(self, head: bytes) -> bool:
        method, _, rest = head.decode("latin-1").partition(" ")
        address = urlsplit(rest.split(" ", 1)[0])
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        # Without the right state anything that a page of a browser loads could end the flow.
        if method != "GET" or address.path != self._path or query.get("state") != self._authorization.state:
            return False
        if "code" in query:
            self._authorization.answer(Code(query["code"], query["state"], query.get("iss")))
        else:
            self._authorization.refuse(query.get("error_description") or query.get("error", "no code was given"))
        return True
