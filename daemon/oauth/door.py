"""A listener on the loopback address to which the browser comes back with the code, for one attempt."""

import html
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import trio

from .attempt import Attempt

_MAX_HEAD: Final = 16 * 1024
_READ_S: Final = 10.0
_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


class Door:
    """``redirect_uri`` names it: with the port that it has got, if the method names none."""

    def __init__(self, attempt: Attempt, listener: trio.SocketListener) -> None:
        self._attempt = attempt
        self._listener = listener
        self._path = urlsplit(attempt.redirect_uri).path or "/"

    @classmethod
    async def open(cls, attempt: Attempt) -> "Door":
        """Raises OSError when the port is taken."""
        wanted = urlsplit(attempt.method.redirect_uri)
        (listener,) = await trio.open_tcp_listeners(wanted.port or 0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        path = wanted.path or "/"
        if attempt.method.style == "key-exchange":  # such providers hand no state back: the path is as secret
            path = f"{path.rstrip('/')}/{attempt.state}"
        attempt.redirect_uri = f"http://{wanted.hostname or 'localhost'}:{port}{path}"
        return cls(attempt, listener)

    async def run(self, on_code: Callable[[str], None]) -> None:
        """Until it is cancelled. ``on_code`` gets the code, or the attempt is failed and it gets nothing: ""."""

        async def serve(stream: trio.SocketStream) -> None:
            with trio.move_on_after(_READ_S):
                try:
                    await self._serve(stream, on_code)
                except trio.BrokenResourceError:
                    pass  # whoever it was has left

        try:
            await trio.serve_listeners(serve, [self._listener])
        finally:
            with trio.CancelScope(shield=True):
                await self._listener.aclose()

    async def _serve(self, stream: trio.SocketStream, on_code: Callable[[str], None]) -> None:
        async with stream:
            head = await _read_head(stream)
            code, status, text = self._judge(head)
            page = f"<!doctype html><meta charset=utf-8><title>oad</title><p>{html.escape(text)}</p>".encode()
            lines = (
                f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(page)}\r\n"
                "cache-control: no-store\r\nconnection: close\r\n\r\n"
            )
            await stream.send_all(lines.encode() + page)
        if code is not None:
            on_code(code)

    def _judge(self, head: bytes) -> tuple[str | None, str, str]:
        """(code, "" for a refusal by the provider, None for what is none of this attempt's business; status; text)"""
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        host = next((line[5:].strip() for line in lines[1:] if line.lower().startswith("host:")), "")
        if method != "GET" or target.path != self._path or host.rpartition(":")[0] not in _LOCAL:
            return None, "404 Not Found", "Nothing is here."
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        if self._attempt.method.style == "oauth2" and not self._attempt.knows(query.get("state", "")):
            return None, "400 Bad Request", "This belongs to another login. Begin anew."
        if "error" in query:
            self._attempt.fail(query.get("error_description") or query["error"])
            return "", "200 OK", "The login was refused. You can close this window."
        if not query.get("code"):
            return None, "400 Bad Request", "There is no code in the address."
        return query["code"], "200 OK", "You are logged in. You can close this window."


async def _read_head(stream: trio.SocketStream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
        chunk = await stream.receive_some()
        if not chunk:
            break
        head += bytes(chunk)
    return head
