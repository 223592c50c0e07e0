"""Chat completions: what OpenAI and nearly every other server speaks."""

from .chat_request import chat_body
from .chat_stream import ChatReader
from .model import Emit, Endpoint, ModelRequest
from .openai_connection import OpenAIConnection


class OpenAIChat:
    """A ModelClient."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._connection = OpenAIConnection(endpoint)

    async def stream(self, request: ModelRequest, emit: Emit) -> None:
        body = chat_body(request)
        await self._connection.stream("/chat/completions", body, request.model.headers, ChatReader(), emit)

    async def aclose(self) -> None:
        await self._connection.aclose()
