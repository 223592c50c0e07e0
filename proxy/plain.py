"""Plain HTTP in absolute form: one request a connection, taken apart and put together anew.

Nothing of the client's framing reaches the server: h11 reads the request, and h11 writes another one. So there is no
second meaning to smuggle a request in, and bytes behind the first request are never looked at.
"""

import re
from collections.abc import Iterable
from typing import Final

import h11
import trio

from oad.contract.network import BadHost, Target, parse_target

from .activity import Activity
from .http_side import HttpSide

_ABSOLUTE: Final = re.compile(rb"http://([^/?#]+)([^#]*)", re.IGNORECASE)
# RFC 9110 section 7.6.1. ``expect`` is answered here, ``host`` is made from the address.
_HOP: Final = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te",
    b"trailer", b"transfer-encoding", b"upgrade", b"expect", b"host",
})  # fmt: skip

_FAILURES: Final = (trio.BrokenResourceError, trio.ClosedResourceError)

Headers = list[tuple[bytes, bytes]]


class BadRequest(Exception):
    """Not a request to a proxy; the text is for the client."""


def target_of(request: h11.Request) -> Target:
    """Raises BadRequest."""
    return _split(request)[0]


def _split(request: h11.Request) -> tuple[Target, bytes]:
    found = _ABSOLUTE.fullmatch(request.target)
    if found is None:
        raise BadRequest("this is a proxy: plain requests need an address that begins with http://, others CONNECT")
    authority, path = found.groups()
    if b"@" in authority:
        raise BadRequest("an address with a user in it is not forwarded")
    try:
        target = parse_target(authority.decode("ascii"), 80)
    except (BadHost, UnicodeDecodeError) as error:
        raise BadRequest(f"not an address: {error}") from error
    return target, path if path.startswith(b"/") else b"/" + path


def rewritten(request: h11.Request) -> h11.Request:
    """The request as the server gets it. Raises BadRequest."""
    target, path = _split(request)
    given = list(request.headers)
    chunked = _has(given, b"transfer-encoding")
    if chunked and (_has(given, b"content-length") or request.http_version < b"1.1"):
        raise BadRequest("a request whose end can be understood in two ways is not forwarded")
    host = str(target).removesuffix(":80").encode()
    headers: Headers = [(b"host", host), *_end_to_end(given), (b"connection", b"close")]
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    return h11.Request(method=request.method, target=path, headers=headers)


def answered(response: h11.Response) -> h11.Response:
    """The response as the client gets it; its end is marked anew."""
    given = list(response.headers)
    headers = _end_to_end(given)
    if _has(given, b"transfer-encoding"):
        headers = [(name, value) for name, value in headers if name != b"content-length"]
    headers.append((b"connection", b"close"))
    return h11.Response(status_code=response.status_code, headers=headers, reason=response.reason)


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    headers = list(headers)
    named = {option.strip().lower() for name, value in headers if name == b"connection" for option in value.split(b",")}
    kept = {b"content-length"}  # a client could name it to have the framing removed
    return [(name, value) for name, value in headers if name not in _HOP and (name in kept or name not in named)]


def _has(headers: Headers, name: bytes) -> bool:
    return any(each == name for each, _ in headers)


async def exchange(client: HttpSide, request: h11.Request, stream: trio.SocketStream, *, idle_s: float) -> None:
    """Raises h11.ProtocolError and trio's errors of streams."""
    server = HttpSide(stream, h11.CLIENT)
    client.activity = server.activity = Activity(idle_s)
    with client.activity.watched():
        await server.send(request)
        if client.http.they_are_waiting_for_100_continue:
            await client.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        failures: list[Exception] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_body, client, server, failures, nursery.cancel_scope)
            try:
                await _send_answer(server, client)
            except (*_FAILURES, h11.ProtocolError) as error:
                failures.append(error)
            nursery.cancel_scope.cancel()
        if failures:
            raise failures[0]


async def _send_body(client: HttpSide, server: HttpSide, failures: list[Exception], scope: trio.CancelScope) -> None:
    try:
        while isinstance(event := await client.receive(), h11.Data):
            await server.send(h11.Data(data=bytes(event.data)))
        if isinstance(event, h11.EndOfMessage):
            await server.send(h11.EndOfMessage())  # without trailers
    except h11.ProtocolError as error:
        failures.append(error)
        scope.cancel()
    except _FAILURES:
        return  # a server that wants no more may answer all the same; a client that has gone is noticed there


async def _send_answer(server: HttpSide, client: HttpSide) -> None:
    while True:
        event = await server.receive()
        match event:
            case h11.InformationalResponse():
                continue
            case h11.Response():
                await client.send(answered(event))
            case h11.Data():
                await client.send(h11.Data(data=bytes(event.data)))
            case h11.EndOfMessage():
                await client.send(h11.EndOfMessage())
                return
            case _:
                raise h11.RemoteProtocolError("the server ended without an answer", error_status_hint=502)
