"""What both clients do the same way: requests out of operations, answers out of responses."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from .failure import Failure, refused
from .login import Login
from .operation import Operation

T = TypeVar("T")

_TIMEOUT_S: Final = 60.0
_CONNECT_S: Final = 10.0
SILENCE_S: Final = 45.0  # a stream beats every 10 s; one that does not for so long is dead


class Settings(msgspec.Struct, frozen=True):
    """``directory``: where sessions work, a path on the server's host; None leaves it to the server."""

    url: str
    login: Login
    directory: str | None

    def headers(self) -> dict[str, str]:
        place = {"x-opencode-directory": _encoded(self.directory)} if self.directory else {}
        return {**self.login.headers(), **place}


def _encoded(path: str) -> str:
    from urllib.parse import quote

    return quote(path, safe="/")


def request_of(operation: Operation[Any], settings: Settings) -> dict[str, Any]:
    """The arguments of a request."""
    content = operation.content()
    headers = {"content-type": "application/json"} if content is not None else {}
    query = dict(operation.query)
    if operation.method == "GET" and settings.directory:
        query.setdefault("directory", settings.directory)
    return {
        "method": operation.method,
        "url": operation.path,
        "content": content,
        "headers": headers,
        "params": query,
        "timeout": httpx2.Timeout(None if operation.takes_long else _TIMEOUT_S, connect=_CONNECT_S),
    }


def stream_of(path: str, headers: dict[str, str], settings: Settings) -> dict[str, Any]:
    query = {"directory": settings.directory} if settings.directory and path == "/event" else {}
    timeout = httpx2.Timeout(_CONNECT_S, read=SILENCE_S)
    return {"method": "GET", "url": path, "headers": headers, "params": query, "timeout": timeout}


def answer_of(operation: Operation[T], response: httpx2.Response) -> T:
    """Raises Failure."""
    if not response.is_success:
        raise refused(response)
    return _decoded(operation.decode, response)


def _decoded(decode: Callable[[bytes], T], response: httpx2.Response) -> T:
    try:
        return decode(response.content)
    except msgspec.DecodeError as error:
        raise Failure(f"an answer that this client does not understand: {error}", response.status_code) from error
