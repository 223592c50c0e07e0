"""Anthropic's SDK with its connection pool. Importing this takes 0.9 s of CPU and 38 MB: do so late, on a thread."""

from typing import Any, cast

import anthropic
import httpx2
import msgspec

from .model import Emit, Endpoint
from .transport import EventReader, exchange, http_client, refused, transport_failure


class AnthropicConnection:
    """The SDK makes the request; its answer is read raw, as typed streaming costs many times the CPU per token."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        bearer = endpoint.options.get("authToken")
        self._client = anthropic.AsyncAnthropic(
            api_key=None if bearer else endpoint.api_key or "none",  # else the SDK would search the machine for one
            auth_token=bearer,
            base_url=endpoint.base_url or "https://api.anthropic.com/v1",
            default_headers=endpoint.headers,
            max_retries=0,
            http_client=http_client(endpoint),
        )

    async def stream(self, body: dict[str, Any], headers: dict[str, str], reader: EventReader, emit: Emit) -> None:
        """Raises ModelFailure."""
        content = msgspec.json.encode(body)
        headers = {"content-type": "application/json", "accept": "text/event-stream", **headers}

        async def send() -> httpx2.Response:
            try:
                answer = await self._client.post(
                    "/messages",
                    cast_to=httpx2.Response,
                    content=content,
                    options={"headers": headers},
                    stream=True,
                    stream_cls=anthropic.AsyncStream[object],
                )
                return cast("httpx2.Response", answer)  # as ``cast_to`` asks; the SDK's types do not know it
            except anthropic.APIStatusError as error:
                raise refused(error.response) from error
            except anthropic.APIConnectionError as error:
                raise transport_failure(error.__cause__, self._endpoint) from error

        await exchange(self._endpoint, send, reader, emit)

    async def aclose(self) -> None:
        await self._client.close()
