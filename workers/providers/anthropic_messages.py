"""Anthropic's messages protocol."""

from typing import TYPE_CHECKING

import trio

from .messages_request import beta_headers, messages_body
from .messages_stream import MessagesReader
from .model import Emit, Endpoint, ModelRequest

if TYPE_CHECKING:
    from .anthropic_connection import AnthropicConnection


class AnthropicMessages:
    """A ModelClient."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: AnthropicConnection | None = None

    async def stream(self, request: ModelRequest, emit: Emit) -> None:
        if self._connection is None:
            # On a thread: the loop must hear an abort while the SDK is being imported.
            load = await trio.to_thread.run_sync(_load, abandon_on_cancel=True)
            self._connection = self._connection or load(self._endpoint)
        body = messages_body(request)
        headers = beta_headers(body) | request.model.headers
        await self._connection.stream(body, headers, MessagesReader(), emit)

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()


def _load() -> "type[AnthropicConnection]":
    from .anthropic_connection import AnthropicConnection

    return AnthropicConnection
