"""One vendor client per endpoint, with its connection pool; used for both of OpenAI's protocols."""

from typing import Any, cast

import httpx2
import msgspec
import openai

from .model import Emit, Endpoint
from .transport import EventReader, exchange, http_client, refused, transport_failure

# The SDK reads these from its environment for whatever server it talks to; they are none of another vendor's business.
_PERSONAL = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
_NO_KEY = "none"  # for servers that ask for none; the SDK insists on some text


class OpenAIConnection:
    """The SDK makes the request; its answer is read raw, since typed streaming costs seven times the CPU per token."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = openai.AsyncOpenAI(
            api_key=endpoint.api_key or _NO_KEY,
            base_url=endpoint.base_url or "https://api.openai.com/v1",
            default_headers={**_PERSONAL, **endpoint.headers},  # type: ignore[dict-item]
            max_retries=0,
            http_client=http_client(endpoint),
        )

    async def stream(
        self, path: str, body: dict[str, Any], headers: dict[str, str], reader: EventReader, emit: Emit
    ) -> None:
        """Raises ModelFailure."""
        content = msgspec.json.encode(body)

        async def send() -> httpx2.Response:
            try:
                answer = await self._client.post(
                    path,
                    cast_to=httpx2.Response,
                    content=content,
                    options={"headers": {"content-type": "application/json", "accept": "text/event-stream", **headers}},
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
                return cast("httpx2.Response", answer)  # as ``cast_to`` asks; the SDK's types do not know it
            except openai.APIStatusError as error:
                raise refused(error.response) from error
            except openai.APIConnectionError as error:
                raise transport_failure(error.__cause__, self._endpoint) from error

        await exchange(self._endpoint, send, reader, emit)

    async def aclose(self) -> None:
        await self._client.close()
