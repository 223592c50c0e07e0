"""The one exception of this package."""

from http import HTTPStatus
from typing import Any, cast

import httpx2
import msgspec


class Failure(Exception):
    """``status`` is the answer's, 0 when there was none; ``body`` what it said, decoded if it was JSON."""

    def __init__(self, message: str, status: int = 0, body: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body

    @property
    def unreachable(self) -> bool:
        """No server answered, or it does not let us in."""
        return self.status in (0, 401, 403)


def refused(response: httpx2.Response) -> Failure:
    """From an answer that is no success, whose body has been read."""
    body: Any = response.text
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        pass
    said = _message(body) or response.reason_phrase or _phrase(response.status_code)
    return Failure(f"{response.status_code}: {said}", response.status_code, body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def broken(error: Exception, url: str) -> Failure:
    """From a connection that failed."""
    return Failure(f"{url}: {error or type(error).__name__}")


def _message(body: Any) -> str:
    """Of any of the API's families of error bodies."""
    if isinstance(body, str):
        return body[:500]
    if not isinstance(body, dict):
        return ""
    fields = cast(dict[str, Any], body)
    data = fields.get("data")
    inner = cast(dict[str, Any], data).get("message") if isinstance(data, dict) else None
    return str(inner or fields.get("message") or fields.get("name") or "")
