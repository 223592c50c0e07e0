"""GET /event and GET /global/event as raw ASGI: a framework's response would cost a task and a copy per write."""

import contextlib
import logging
from typing import Final
from urllib.parse import parse_qs

import trio

from oad.contract.errors import ApiError

from .asgi import Headers, Receive, Scope, Send, header
from .fanout import Selection
from .place import directory_of
from .position import Position, parse_position
from .streams import Streams

LINGER_S: Final = 0.5  # by the Fetch standard a reader loses what it has not taken yet when its stream breaks off
_log = logging.getLogger("oad.gateway")
_HEADERS: Final[Headers] = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class EventStreams:
    """The two paths. A stream that is cut, and every stream when the gateway stops, breaks off without its last chunk:
    clients take a clean end as final and would not come back."""

    def __init__(self, streams: Streams, cwd: str, stopping: trio.Event) -> None:
        self._streams = streams
        self._cwd = cwd
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ApiError for a directory that is none."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        selection = self._selection(scope, query)
        after = _last_event_id(scope, query)
        _log.debug("event stream opened: %s", scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return

        async def write(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        ended = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, receive, nursery.cancel_scope)
            nursery.start_soon(self._stop, nursery.cancel_scope)
            with contextlib.suppress(ApiError):  # no daemon for long: the client comes back
                ended = await self._streams.serve(selection, after, write)
            nursery.cancel_scope.cancel()
        if ended:
            await send({"type": "http.response.body", "body": b""})

    def _selection(self, scope: Scope, query: dict[str, list[str]]) -> Selection:
        types = frozenset(type for text in query.get("types", []) for type in text.split(",") if type)
        if scope["path"] == "/global/event":
            return Selection(None, types)
        asked = query.get("directory", [""])[0]
        return Selection(directory_of(asked, header(scope, b"x-opencode-directory"), self._cwd), types)

    async def _stop(self, scope: trio.CancelScope) -> None:
        await self._stopping.wait()
        await trio.sleep(LINGER_S)
        scope.cancel()


async def _watch(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _last_event_id(scope: Scope, query: dict[str, list[str]]) -> Position | None:
    """After which the client wants to go on. The header wins: a browser repeats the query of its first request."""
    return parse_position((header(scope, b"last-event-id") or query.get("lastEventID", [""])[0]).strip())
