"""Forwarded operations as raw ASGI. The framework costs about 0.2 ms of CPU per request (a task, request and response
objects); what is only checked and passed on does not need it. Everything else goes to it."""

from collections.abc import Iterable
from typing import Final

import trio

from oad.contract.errors import ApiError

from .asgi import App, Headers, Receive, Scope, Send, header
from .auth import ANYONE, USER, WHO, address_of
from .binding import Request, request_key, too_long
from .exchange import Exchange, Response
from .forwarded import OUTER
from .operation import Operation

_VARIABLE: Final = "{}"

_DISCARDED = 4  # times the limit
_DISCARD_S = 10.0


class _ClientGone(Exception):
    pass


class _Node:
    __slots__ = ("children", "operations")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.operations: dict[str, Operation] = {}


class Router:
    """Finds the operation for a method and a path; fixed segments win over variables."""

    def __init__(self, table: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in table:
            node = self._root
            for segment in operation.path[1:].split("/"):
                name = _VARIABLE if segment.startswith("{") else segment
                node = node.children.setdefault(name, _Node())
            node.operations[operation.method] = operation

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        node, values = self._root, list[str]()
        for segment in path[1:].split("/"):
            child = node.children.get(segment)
            if child is None:
                child = node.children.get(_VARIABLE)
                values.append(segment)
            if child is None or not segment:
                return None
            node = child
        operation = node.operations.get(method)
        return None if operation is None else (operation, dict(zip(operation.variables, values, strict=True)))


class FastLane:
    """``table`` goes through here, the rest to ``other``."""

    def __init__(self, exchange: Exchange, table: Iterable[Operation], other: App, body_limit: int) -> None:
        self._exchange = exchange
        self._router = Router(table)
        self._other = other
        self._limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._router.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._other(scope, receive, send)
            return
        operation, variables = found
        try:
            limit = self._limit * operation.body_times
            body = await _read_body(scope, receive, limit) if operation.body is not None else b""
        except ApiError as error:
            await _respond(send, Response(error.status, error.encode(), {"connection": "close"}))
            return
        except _ClientGone:
            return
        request = Request(
            variables=variables,
            query_string=scope["query_string"],
            body=body,
            directory_header=header(scope, b"x-opencode-directory"),
            key=request_key(header(scope, b"idempotency-key")),
            accept=header(scope, b"accept") or "",
            who=scope.get(WHO, ANYONE),
            user=scope.get(USER, ""),
            address=address_of(scope),
            outer=scope.get(OUTER, ""),
        )
        if operation.watched:
            await self._perform_watched(operation, request, receive, send)
        else:
            await _respond(send, await self._exchange.perform(operation, request))

    async def _perform_watched(self, operation: Operation, request: Request, receive: Receive, send: Send) -> None:
        """Costs a task, which the answers of most operations are too quick to be worth."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, receive, nursery.cancel_scope)
            await _respond(send, await self._exchange.perform(operation, request))
            nursery.cancel_scope.cancel()


async def _read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises ApiError when it is too long and _ClientGone when it never comes."""
    announced = header(scope, b"content-length") or "0"
    if announced.isdigit() and int(announced[:20]) > limit:
        if not header(scope, b"expect"):
            await _discard(receive, limit)
        raise too_long(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            if message.get("more_body", False):
                await _discard(receive, limit)
            raise too_long(limit)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _discard(receive: Receive, limit: int) -> None:
    """Takes what the client still sends, for a while: it reads the refusal only when it has sent everything, and a
    connection that is closed under its hands loses the answer."""
    left, more = _DISCARDED * limit, True
    with trio.move_on_after(_DISCARD_S):
        while more and left > 0:
            message = await receive()
            left -= len(message.get("body", b""))
            more = message.get("more_body", False)


async def _watch(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _respond(send: Send, response: Response) -> None:
    headers: Headers = [(key.lower().encode(), value.encode()) for key, value in response.headers.items()]
    headers.append((b"content-length", b"%d" % len(response.body)))
    if response.body and b"content-type" not in dict(headers):
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
