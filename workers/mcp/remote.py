"""Servers reached over HTTP: streamable HTTP, and the older server-sent events. Imports the SDK: see ``sdk``.

The worker itself connects, not a sandboxed program: what the network policy forbids is refused here, and what it sends
through the proxy goes through the proxy."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import httpx2
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from oad.contract.mcp import McpRemote

from ..egress import Egress
from .failure import Refused

CONNECT_S: Final = 20.0
SILENCE_S: Final = 300.0  # a server may take its time, but sends comments meanwhile
_FAILED: Final = 400


class Reached:
    """How a server is reached; ``status`` is the last failure of HTTP, 0 for none."""

    def __init__(self, config: McpRemote, egress: Egress, auth: httpx2.Auth | None) -> None:
        if egress.mode == "off":
            raise Refused("the network policy is off: no remote server can be reached")
        if not config.url.startswith(("http://", "https://")):
            raise Refused(f"not an address of HTTP: {config.url}")
        self.status = 0
        self._config = config
        self._egress = egress
        self._auth = auth

    @contextlib.asynccontextmanager
    async def by_stream(self, lost: Callable[[str], None]) -> AsyncGenerator[tuple[Any, Any]]:
        async with (
            self.client(auth=self._auth) as client,
            streamable_http_client(self._config.url, http_client=client) as streams,
        ):
            yield streams

    @contextlib.asynccontextmanager
    async def by_events(self, lost: Callable[[str], None]) -> AsyncGenerator[tuple[Any, Any]]:
        async with sse_client(self._config.url, auth=self._auth, httpx_client_factory=self.client) as streams:
            yield streams

    def client(
        self,
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        options: dict[str, Any] = {}
        if self._egress.mode == "allow":
            from ..tools.proxied import ProxiedTransport

            options = {"trust_env": False, "transport": ProxiedTransport(self._egress)}
        return httpx2.AsyncClient(
            headers={**(self._config.headers or {}), **(headers or {})},
            timeout=httpx2.Timeout(CONNECT_S, read=SILENCE_S),
            auth=auth,
            event_hooks={"response": [self._note]},
            **options,
        )

    async def _note(self, response: httpx2.Response) -> None:
        if response.status_code >= _FAILED:
            self.status = response.status_code
