"""What every request passes before it reaches an operation or a stream: host, preflight, length, credentials."""

import logging
import re
from typing import Final

import msgspec
import trio

from oad.contract.errors import ApiError, named, tagged
from oad.contract.trail import TRAIL

from . import terminal_socket
from .arrival import Arrival, has_body
from .asgi import App, Headers, Message, Receive, Scope, Send, answer, header
from .auth import USER, Authenticator
from .cors import CrossOrigin
from .exchange import render
from .hosts import HostGuard
from .terminal_socket import refuse_socket
from .trail import REQUEST_ID, trail_of

_log = logging.getLogger("oad.gateway")
MAX_TARGET: Final = 16 * 1024  # bytes of path and query
_SLASHES: Final = re.compile("/{2,}")
STREAMS: Final = frozenset({"/event", "/global/event"})
# A form of a foreign page can make the request for a ticket, but not with a header of its own.
TOKEN_PATH: Final = re.compile(r"(/api)?/pty/[^/]+/connect-token")
TOKEN_HEADER: Final = b"x-opencode-ticket"
# A link to a shared session is its own credential. Nothing else lies below this path.
SHARED: Final = re.compile(r"/share/[A-Za-z0-9_-]{32}(/data)?")
OPEN: Final = frozenset({"/livez", "/readyz"})


class Front:
    """``app`` serves the declared operations, ``streams`` the event streams, ``terminals`` their websockets,
    ``probes`` the two open paths."""

    def __init__(
        self,
        app: App,
        streams: App,
        terminals: App,
        probes: App,
        *,
        authenticator: Authenticator,
        cross_origin: CrossOrigin,
        hosts: HostGuard,
    ) -> None:
        self._app = app
        self._streams = streams
        self._terminals = terminals
        self._probes = probes
        self._authenticator = authenticator
        self._cross_origin = cross_origin
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        TRAIL.set(trail_of(scope))
        if scope["type"] == "websocket":
            await self._connect(_normalise(scope), receive, send)
        elif scope["method"] == "OPTIONS":
            await self._cross_origin.preflight(scope, send)
        else:
            arrival = Arrival(receive) if has_body(scope) else None
            await self._serve(
                _normalise(scope), arrival.receive if arrival else receive, self._marked(scope, send, arrival)
            )

    def _marked(self, scope: Scope, send: Send, arrival: Arrival | None) -> Send:
        marks = [*self._cross_origin.headers(header(scope, b"origin")), (REQUEST_ID, TRAIL.get().request.encode())]
        began = trio.current_time()

        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *marks]
                message = {**message, "headers": await arrival.settle(headers) if arrival else headers}
                took_ms = (trio.current_time() - began) * 1000
                _log.debug("%s %s: %d in %.1f ms", scope["method"], scope["path"], message["status"], took_ms)
            await _finish(send, message) if _is_last(message) else await send(message)

        return marking

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in OPEN:
            await self._probes(scope, receive, send)
        elif refused := self._refusal(scope):
            status, body, headers = refused
            await answer(send, status, body, headers)
        elif path in STREAMS:
            await self._stream(scope, receive, send)
        elif scope["method"] == "GET" and terminal_socket.PATH.fullmatch(path):
            await answer(send, 404)  # no websocket is asked for
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, *, ticket: bool = False) -> tuple[int, bytes, Headers] | None:
        if reason := self._hosts.refusal(scope):
            return 403, _forbidden(scope, reason).encode(), []
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            return 431, b"", []
        open_to_all = ticket or (scope.get("method") in ("GET", "HEAD") and SHARED.fullmatch(scope["path"]))
        if not open_to_all and (refused := self._authenticator.refusal(scope)):
            status, headers = refused
            return status, _unauthorized() if scope["path"].startswith("/api/") else b"", headers
        if user := scope.get(USER, ""):
            TRAIL.set(msgspec.structs.replace(TRAIL.get(), user=user))
        if "\0" in scope["path"]:
            return 400, named(400, "BadRequest", message="Expected a path", kind="Params").encode(), []
        if TOKEN_PATH.fullmatch(scope["path"]) and scope.get("method") == "POST" and not header(scope, TOKEN_HEADER):
            return 403, _no_token().encode(), []
        return None

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A ticket stands for credentials; the daemon looks at it."""
        if terminal_socket.PATH.fullmatch(scope["path"]) is None:
            await refuse_socket(send, 404 if self._authenticator.refusal(scope) is None else 401)
        elif refused := self._refusal(scope, ticket=terminal_socket.note_ticket(scope)):
            status, _, headers = refused
            await refuse_socket(send, status, headers)
        elif (user := scope.get(USER, "")) and not self._authenticator.knows(user):
            await refuse_socket(send, 403)  # gone since the ticket was given
        else:
            with self._authenticator.lasting(scope):
                await self._terminals(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            refusal = named(405, "MethodNotAllowed", message="This stream of events can only be read.")
            await answer(send, 405, refusal.encode(), [(b"allow", b"GET, HEAD")])
            return
        try:
            with self._authenticator.lasting(scope):
                await self._streams(scope, receive, send)
        except* ApiError as group:
            response = render(group, scope["path"])
            headers = [(key.encode(), value.encode()) for key, value in response.headers.items()]
            await answer(send, response.status, response.body, headers)


def _is_last(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


async def _finish(send: Send, message: Message) -> None:
    """Within the last send hypercorn first tells the application that its client has gone, and only then closes the
    connection or readies it for the next request. An operation that watches for its client to go would cancel itself,
    and with it this call: a client that asked for "Connection: close" would wait for the end for ever."""
    with trio.CancelScope(shield=True):
        await send(message)


def _forbidden(scope: Scope, reason: str) -> ApiError:
    return _no_token() if TOKEN_PATH.fullmatch(scope["path"]) else named(403, "ForbiddenError", message=reason)


def _no_token() -> ApiError:
    return tagged(403, "PtyForbiddenError", message="Invalid PTY connect token request")


def _unauthorized() -> bytes:
    return tagged(401, "UnauthorizedError", message="Authentication required").encode()


def _normalise(scope: Scope) -> Scope:
    """Doubled and trailing slashes are tolerated."""
    path = scope["path"]
    if "//" in path or (path.endswith("/") and path != "/"):
        path = "/" + _SLASHES.sub("/", path).strip("/")
        return {**scope, "path": path, "raw_path": _SLASHES.sub("/", scope["raw_path"].decode()).encode()}
    return scope
