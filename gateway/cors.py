"""Which pages of other origins may use the API, and the headers that tell their browser so."""

import re
from typing import Final

from .asgi import Headers, Scope, Send, header

_METHODS: Final = b"GET, HEAD, PUT, PATCH, POST, DELETE"
_EXPOSED: Final = b"link, x-next-cursor, x-request-id"
_KNOWN: Final = re.compile(
    r"http://(localhost|127\.0\.0\.1)(:\d+)?|https://([a-z0-9-]+\.)*opencode\.ai|tauri://localhost|http://tauri\.localhost"
)


class CrossOrigin:
    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    def admits(self, origin: str) -> bool:
        return origin in self._origins or _KNOWN.fullmatch(origin) is not None

    def headers(self, origin: str | None) -> Headers:
        """For an answer to a request of that origin."""
        if origin is not None and self.admits(origin):
            allow = (b"access-control-allow-origin", origin.encode("latin-1"))
            return [allow, (b"access-control-expose-headers", _EXPOSED), (b"vary", b"Origin")]
        return [(b"vary", b"Origin")]

    async def preflight(self, scope: Scope, send: Send) -> None:
        """The answer to OPTIONS: the same for everyone but for the allowed origin, without which it allows nothing."""
        origin = header(scope, b"origin")
        fields: Headers = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", b"86400"),
            (b"content-length", b"0"),
        ]
        varying = b"Access-Control-Request-Headers"
        if asked := header(scope, b"access-control-request-headers"):
            fields.append((b"access-control-allow-headers", asked.encode("latin-1")))
        if origin is not None and self.admits(origin):
            fields.append((b"access-control-allow-origin", origin.encode("latin-1")))
            varying += b", Origin"
        fields.append((b"vary", varying))
        await send({"type": "http.response.start", "status": 204, "headers": fields})
        await send({"type": "http.response.body", "body": b""})
