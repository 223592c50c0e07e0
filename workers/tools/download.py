"""Fetching one address: bounded in size and time, every redirect looked at."""

import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import trio

from ..egress import OPEN, Egress
from .tool import ToolFailed

if TYPE_CHECKING:
    import httpx2

MAX_BYTES = 5 * 1024 * 1024
_MAX_REDIRECTS = 10
_ACCEPT = {
    "markdown": "text/markdown, text/html;q=0.9, text/plain;q=0.8, */*;q=0.1",
    "text": "text/plain, text/html;q=0.9, text/markdown;q=0.8, */*;q=0.1",
    "html": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1",
}


class Page(msgspec.Struct, frozen=True):
    """``url`` is where redirects led; ``content_type`` as the server gave it."""

    url: str
    content_type: str
    data: bytes

    @property
    def mime(self) -> str:
        return self.content_type.split(";")[0].strip().lower()

    def text(self) -> str:
        charset = self.content_type.partition("charset=")[2].split(";")[0].strip(" \"'") or "utf-8"
        try:
            return self.data.decode(charset, "replace")
        except LookupError:  # a character set that nobody knows
            return self.data.decode("utf-8", "replace")


async def download(
    url: str, format: str, timeout_s: float, ask: Callable[[str], Awaitable[None]], egress: Egress = OPEN
) -> Page:
    """``ask`` is asked again before a redirect to another host is followed: rules are about where a request goes.
    Each request goes the way that the session's network policy leaves open.

    Raises ToolFailed."""
    import httpx2  # heavy; idle sessions do without

    if egress.mode == "off":
        raise ToolFailed("The network policy of this session is 'off': nothing can be fetched.")

    for _ in range(_MAX_REDIRECTS):
        _check(url)
        try:
            with trio.fail_after(timeout_s):
                found = await _request(url, format, egress)
        except trio.TooSlowError as error:
            raise ToolFailed(f"{url} did not answer within {timeout_s:g} seconds.") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise ToolFailed(f"{url} could not be fetched: {error or type(error).__name__}") from error
        if isinstance(found, Page):
            return found
        if urlsplit(found).netloc != urlsplit(url).netloc:
            _check(found)
            await ask(found)
        url = found
    raise ToolFailed(f"More than {_MAX_REDIRECTS} redirects, the last to {url}.")


async def _request(url: str, format: str, egress: Egress) -> Page | str:
    """The page, or the address it redirects to."""

    headers = {"accept": _ACCEPT[format], "user-agent": "oad-webfetch/1.0", "accept-language": "en;q=0.9, *;q=0.5"}
    async with (
        _client(url, egress) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.is_redirect:
            return str(response.url.join(response.headers["location"]))
        if response.status_code >= 400:
            raise ToolFailed(f"{url} answered with status {response.status_code}.")
        data = await _body(response.aiter_bytes())
        if len(data) > MAX_BYTES:
            raise ToolFailed(f"{url} is larger than 5 MB.")
        return Page(str(response.url), response.headers.get("content-type", ""), bytes(data))


def _client(url: str, egress: Egress) -> "httpx2.AsyncClient":
    import httpx2

    # trust_env would also read ~/.netrc and send what is there; only the proxy is wanted.
    if egress.mode == "on":
        return httpx2.AsyncClient(trust_env=False, proxy=_proxy(url), follow_redirects=False, timeout=None)
    from .proxied import ProxiedTransport

    return httpx2.AsyncClient(trust_env=False, transport=ProxiedTransport(egress), follow_redirects=False, timeout=None)


async def _body(chunks: AsyncIterator[bytes]) -> bytearray:
    """The body, or a little more of it than is allowed."""
    data = bytearray()
    # Leaving the loop would leave generators behind it open; a cancellation passes through and closes them.
    with trio.CancelScope() as scope:
        async for chunk in chunks:
            if len(data) <= MAX_BYTES:
                data += chunk
            else:
                scope.cancel()
    return data


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ToolFailed(f"The address must begin with http:// or https://, not: {url[:200]}")


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname is None or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)
