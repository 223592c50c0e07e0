"""OpenAI's responses protocol."""

from .model import Emit, Endpoint, ModelRequest
from .openai_connection import OpenAIConnection
from .responses_request import responses_body
from .responses_stream import ResponsesReader


class OpenAIResponses:
    """A ModelClient."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._connection = OpenAIConnection(endpoint)

    async def stream(self, request: ModelRequest, emit: Emit) -> None:
        body = responses_body(request)
        await self._connection.stream("/responses", body, request.model.headers, ResponsesReader(), emit)

    async def aclose(self) -> None:
        await self._connection.aclose()
