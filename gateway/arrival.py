"""The rest of a request that was answered before all of it had arrived.

HTTP/1.1 can't go on with a connection in the middle of a request, so the server closes it after such an answer. A
client that was not told so sends its next request into a connection that is being closed, and loses it.
"""

from typing import Final

import trio

from .asgi import Headers, Message, Receive, Scope, header

_MAX_BYTES: Final = 1 << 20
_MAX_S: Final = 1.0
_CLOSE: Final = (b"connection", b"close")


class Arrival:
    """Passes on what ``receive`` brings. Only for a request with a body, see ``has_body``."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._complete = self._complete or not message.get("more_body", False)  # a disconnect has none either
        return message

    async def settle(self, headers: Headers) -> Headers:
        """Before the answer: takes the rest if it is short and comes soon, else tells the client that this was the
        connection's last answer."""
        if self._complete or _CLOSE in headers:
            return headers
        left = _MAX_BYTES
        with trio.move_on_after(_MAX_S):
            while not self._complete and left > 0:
                left -= len((await self.receive()).get("body", b""))
        return headers if self._complete else [*headers, _CLOSE]


def has_body(scope: Scope) -> bool:
    return (header(scope, b"content-length") or "0") != "0" or header(scope, b"transfer-encoding") is not None
