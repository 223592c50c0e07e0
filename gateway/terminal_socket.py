"""The websocket of a terminal, as raw ASGI: ``GET /pty/{ptyID}/connect``, also below /api.

The output goes out as text, first what there was; a binary message of a zero byte and ``{"cursor": n}`` says where in
the output that ends, and again where it goes on after something had to be skipped. What arrives, as text or in binary,
is typed. The terminal's end closes with 1000.
"""

import contextlib
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs

import msgspec
import trio

from oad.contract.errors import ApiError
from oad.contract.ids import is_harmless
from oad.contract.pty_ticket import user_of_ticket
from oad.contract.wire import STREAM_PIECE, Origin
from oad.link import StreamEnd

from .asgi import Message, Receive, Scope, Send
from .auth import ANYONE, USER, WHO, address_of
from .link import DaemonLink

PATH: Final = re.compile(r"(?:/api)?/pty/(pty[^/]*)/connect")
TICKET: Final = "oad.ticket"  # the key of a scope; a client can't set it
_ENDED, _RESTARTED = 1000, 1012
_TICKET: Final = 128  # characters, at most
_METHOD: Final = "CONNECT"  # in the audit log: whoever connects can type


class TerminalSocket:
    def __init__(self, link: DaemonLink, stopping: trio.Event) -> None:
        self._link = link
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The path has been matched, and either the credentials looked at, or there is a ticket."""
        connection = Connection(self._link, send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stop, nursery.cancel_scope)
            nursery.start_soon(connection.watch, receive, nursery.cancel_scope)
            await connection.run(_params(scope), Origin(scope.get(WHO, ANYONE), address_of(scope), _METHOD))
            nursery.cancel_scope.cancel()

    async def _stop(self, scope: trio.CancelScope) -> None:
        await self._stopping.wait()
        scope.cancel()


class Connection:
    """One client. The daemon's first word decides: a piece of the stream opens the socket, an answer refuses it."""

    def __init__(self, link: DaemonLink, send: Send) -> None:
        self._link = link
        self._send = send
        self._stream = StreamEnd()
        self._status = 0  # of the daemon's answer
        self._ended = False  # the terminal, and not just the way to it
        self._open = False

    async def run(self, params: dict[str, str], origin: Origin) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._call, params, origin)
                while (piece := await self._stream.receive()) is not None:
                    await self._show(*piece)
        finally:
            with trio.CancelScope(shield=True):
                await self._conclude()

    async def _call(self, params: dict[str, str], origin: Origin) -> None:
        try:
            reply, _ = await self._link.call("pty.attach", params, origin=origin, stream=self._stream)
            self._ended = reply.status == 200
            self._status = reply.status
        except ApiError as error:
            self._status = error.status

    async def _show(self, cursor: int, body: bytes) -> None:
        if not self._open:
            self._open = True
            await self._send({"type": "websocket.accept"})
        if cursor >= 0:
            await self._send({"type": "websocket.send", "bytes": b"\0" + msgspec.json.encode({"cursor": cursor})})
        else:
            await self._send({"type": "websocket.send", "text": body.decode(errors="replace")})
        await self._stream.consumed(body)  # written: until then the terminal's worker keeps the rest

    async def watch(self, receive: Receive, scope: trio.CancelScope) -> None:
        """Takes what the client types, no faster than the program does."""
        while (message := await receive())["type"] != "websocket.disconnect":
            data = _typed(message)
            with contextlib.suppress(trio.ClosedResourceError):  # the daemon has gone; it shows elsewhere
                for at in range(0, len(data), STREAM_PIECE):
                    await self._stream.send(data[at : at + STREAM_PIECE])
        scope.cancel()

    async def _conclude(self) -> None:
        if self._open:
            await self._send({"type": "websocket.close", "code": _ENDED if self._ended else _RESTARTED})
        elif self._status:
            await refuse_socket(self._send, self._status)


async def refuse_socket(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Instead of opening it. There is no body: browsers show none of it to the page."""
    fields = [*headers, (b"content-length", b"0")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": fields})
    await send({"type": "websocket.http.response.body", "body": b""})


def note_ticket(scope: Scope) -> bool:
    """Whether the client shows a ticket, a bad or an empty one included. What is noted here is what the daemon is asked
    to redeem: nobody gets by without credentials whose ticket is not looked at."""
    shown = _query(scope).get("ticket")
    if shown is None:
        return False
    scope[TICKET] = shown[0][:_TICKET]
    scope[USER] = user_of_ticket(scope[TICKET])
    return True


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _typed(message: Message) -> bytes:
    text, data = message.get("text"), message.get("bytes")
    return text.encode(errors="replace") if isinstance(text, str) else data if isinstance(data, bytes) else b""


def _params(scope: Scope) -> dict[str, str]:
    """Raises nothing: what is not understood is not passed on."""
    found = PATH.fullmatch(scope["path"])
    params = {"ptyID": found[1] if found and is_harmless(found[1]) else ""}
    if TICKET in scope:
        params["ticket"] = scope[TICKET]
    if cursor := _query(scope).get("cursor"):
        params["cursor"] = cursor[0][:20]
    return params
