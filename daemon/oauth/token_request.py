"""Requests to a provider's token endpoint, in a thread: they are rare, and a library for them would cost megabytes."""

import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec
import trio

from oad.contract.oauth import OAuthMethod

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from urllib.request import Request

_TIMEOUT_S: Final = 20.0
_MAX_BYTES: Final = 1024 * 1024


class TokenRefused(Exception):
    """``error`` is the code of RFC 6749 or RFC 8628, such as invalid_grant or authorization_pending."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description or error)
        self.error = error


class Unreachable(Exception):
    """No usable answer came."""


async def post(
    url: str, fields: Mapping[str, str], method: OAuthMethod, environment: Mapping[str, str]
) -> dict[str, Any]:
    """The answer's JSON object. ``environment``: variables that are not in the process's own, such as proxies with a
    login. Raises TokenRefused, Unreachable."""
    secret = _secret(method)
    body = {**fields, **({"client_secret": secret} if secret else {})}
    if method.body == "json":
        content, media = msgspec.json.encode(body), "application/json"
    else:
        content, media = urlencode(body).encode(), "application/x-www-form-urlencoded"
    headers = {"content-type": media, "accept": "application/json", "user-agent": "oad"}
    send = partial(_send, url, content, headers, _proxies(environment))
    status, answer = await trio.to_thread.run_sync(send, abandon_on_cancel=True)
    return _read(status, answer)


def _secret(method: OAuthMethod) -> str:
    if not method.client_secret_file:
        return ""
    try:
        return Path(method.client_secret_file).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreachable(f"the client secret can't be read: {error}") from error


def _proxies(environment: Mapping[str, str]) -> dict[str, str] | None:
    """None: those of the process's environment."""
    names = {"http": ("http_proxy", "HTTP_PROXY"), "https": ("https_proxy", "HTTPS_PROXY")}
    found = {scheme: environment[name] for scheme, several in names.items() for name in several if name in environment}
    return found or None


def _send(url: str, content: bytes, headers: dict[str, str], proxies: dict[str, str] | None) -> tuple[int, bytes]:
    # Only who logs in pays for these imports.
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        """A code or a token goes to nobody but the one it is meant for."""

        def redirect_request(
            self, req: "Request", fp: Any, code: int, msg: str, headers: "HTTPMessage", newurl: str
        ) -> None:
            return None

    opener = build_opener(ProxyHandler(proxies), Stay, HTTPSHandler(context=ssl.create_default_context()))
    try:
        with opener.open(Request(url, content, headers, method="POST"), timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return int(answer.status), answer.read(_MAX_BYTES)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(_MAX_BYTES)
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise Unreachable(f"the provider can't be reached: {reason}") from error


def _read(status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreachable(f"the provider answered {status}, and not in JSON") from error
    refusal = answer.get("error")
    if refusal or status >= 400:
        text = refusal if isinstance(refusal, str) else f"status {status}"
        raise TokenRefused(text, str(answer.get("error_description") or "")[:500])
    return answer
