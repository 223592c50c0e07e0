"""The provider-neutral side of a model call: what is sent, what streams back, how it fails."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec

from oad.contract.catalogue import Model
from oad.contract.session import Tokens


class TextContent(msgspec.Struct, tag="text"):
    text: str


class ReasoningContent(msgspec.Struct, tag="reasoning"):
    text: str
    metadata: dict[str, Any] | None = None  # what the provider wants back, such as a signature


class MediaContent(msgspec.Struct, tag="media"):
    """An image, PDF or other binary; ``data`` is base64."""

    mime: str
    data: str
    filename: str | None = None


class ToolUse(msgspec.Struct, tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]


class ToolOutcome(msgspec.Struct, tag="tool_outcome"):
    id: str
    name: str
    output: str
    is_error: bool = False
    media: list[MediaContent] = []


Content = TextContent | ReasoningContent | MediaContent | ToolUse | ToolOutcome


class ChatMessage(msgspec.Struct):
    """Outcomes of tools travel in messages of role ``tool``; system text is not a message."""

    role: Literal["user", "assistant", "tool"]
    content: list[Content]


class ToolSpec(msgspec.Struct):
    name: str
    description: str
    parameters: dict[str, Any]  # JSON Schema


class Endpoint(msgspec.Struct):
    """Where and how a model is reached; built from configuration, environment and the credential store."""

    protocol: Literal["openai-chat", "openai-responses", "anthropic", "demo"]
    base_url: str | None = None
    api_key: str | None = None
    headers: dict[str, str] = {}
    timeout_s: float = 300.0  # without any byte from the provider
    options: dict[str, Any] = {}
    problem: str | None = None  # why no call can succeed, such as a missing key; a call raises it as an auth failure


class ModelRequest(msgspec.Struct):
    model: Model
    endpoint: Endpoint
    system: list[str]
    messages: list[ChatMessage]
    tools: list[ToolSpec] = []
    tool_choice: Literal["auto", "required", "none"] = "auto"
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    options: dict[str, Any] = {}  # model, agent and variant options, merged in this order; provider spelling
    session_id: str = ""


class TextStart(msgspec.Struct, tag="text_start"):
    id: str


class TextDelta(msgspec.Struct, tag="text_delta"):
    id: str
    text: str


class TextEnd(msgspec.Struct, tag="text_end"):
    id: str


class ReasoningStart(msgspec.Struct, tag="reasoning_start"):
    id: str


class ReasoningDelta(msgspec.Struct, tag="reasoning_delta"):
    id: str
    text: str


class ReasoningEnd(msgspec.Struct, tag="reasoning_end"):
    id: str
    metadata: dict[str, Any] | None = None


class ToolInputStart(msgspec.Struct, tag="tool_input_start"):
    id: str
    name: str


class ToolInputDelta(msgspec.Struct, tag="tool_input_delta"):
    id: str
    text: str


class ToolInputEnd(msgspec.Struct, tag="tool_input_end"):
    """The call is complete; ``raw`` is its JSON text as the model wrote it, not yet parsed."""

    id: str
    name: str
    raw: str


class StepFinish(msgspec.Struct, tag="step_finish"):
    """The end of a call. ``reason``: stop, length, tool-calls, content-filter, error or unknown."""

    reason: str
    tokens: Tokens


ProviderEvent = (
    TextStart
    | TextDelta
    | TextEnd
    | ReasoningStart
    | ReasoningDelta
    | ReasoningEnd
    | ToolInputStart
    | ToolInputDelta
    | ToolInputEnd
    | StepFinish
)

Emit = Callable[[ProviderEvent], Awaitable[None]]


class ModelFailure(Exception):
    """A model call that failed: retry it when ``retryable``, compact on ``overflow``, else stop with an error.

    ``api``: the provider answered with an error. ``connect``: no answer, or a cut one. ``auth``: there is no key at all
    (a refused key is ``api`` with status 401).
    """

    def __init__(
        self,
        kind: Literal["api", "auth", "connect", "overflow"],
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
        body: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.headers = headers
        self.body = body
        self.url = url


class ModelClient(Protocol):
    """One wire protocol. A cancelled ``stream`` has closed its connection when it returns."""

    async def stream(self, request: ModelRequest, emit: Emit) -> None:
        """Calls ``emit`` for each event in order, StepFinish last. Raises ModelFailure."""
        ...

    async def aclose(self) -> None:
        """Closes idle connections."""
        ...
