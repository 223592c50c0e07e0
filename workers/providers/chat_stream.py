"""The answer of a chat completions call, chunk by chunk."""

from collections.abc import Iterator
from typing import Any

import msgspec

from oad.contract.session import Tokens

from .failure import garbled_failure, reset_failure, stream_failure
from .model import (
    ProviderEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    StepFinish,
    TextDelta,
    TextEnd,
    TextStart,
    ToolInputDelta,
    ToolInputEnd,
    ToolInputStart,
)
from .usage import count_tokens, no_tokens

_REASONS = {
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
    "content_filter": "content-filter",
    "safety": "content-filter",
    "error": "error",
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    """Mistral's form of content: a list of text and thinking parts."""

    text: str | None = None
    thinking: "list[_Part] | None" = None


class _Delta(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None  # of servers that answer whole where a stream was asked for
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek's name for the cached ones


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class _OpenCall(msgspec.Struct):
    id: str
    name: str
    raw: list[str]


class ChatReader:
    """One call's chunks in, events out; see EventReader. Blocks follow each other, tool calls may interleave."""

    def __init__(self) -> None:
        self.finished = False
        self._block: TextStart | ReasoningStart | None = None
        self._blocks = 0
        self._calls: dict[int, _OpenCall] = {}
        self._reason: str | None = None
        self._usage: _Usage | None = None

    def read(self, data: bytes) -> Iterator[ProviderEvent]:
        if data == b"[DONE]":
            self.finished = True
            return
        try:
            chunk = _decode(data)
        except msgspec.MsgspecError as error:
            raise garbled_failure(str(error)) from error
        if chunk.error:
            raise stream_failure({"error": chunk.error})
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.choices:
            yield from self._choose(chunk.choices[0])

    def end(self) -> Iterator[ProviderEvent]:
        if self._reason is None and not self.finished:
            raise reset_failure()
        yield from self._close_block()
        for call in self._calls.values():
            yield ToolInputEnd(call.id, call.name, "".join(call.raw))
        yield StepFinish(self._finish_reason(), _tokens(self._usage))

    def _finish_reason(self) -> str:
        reason = _REASONS.get((self._reason or "").lower(), "unknown")
        # Some servers say "stop" after tool calls; the calls are what counts.
        return "tool-calls" if self._calls and reason in {"stop", "unknown"} else reason

    def _choose(self, choice: _Choice) -> Iterator[ProviderEvent]:
        delta = choice.delta or choice.message
        if delta is not None:
            thought = delta.reasoning_content or delta.reasoning or delta.reasoning_text
            if thought:
                yield from self._think(thought)
            if isinstance(delta.content, list):
                yield from self._mixed(delta.content)
            elif delta.content:
                yield from self._say(delta.content)
            if delta.refusal:
                yield from self._say(delta.refusal)
            for number, call in enumerate(delta.tool_calls or ()):
                yield from self._call(number if call.index is None else call.index, call)
        if choice.finish_reason:
            self._reason = choice.finish_reason

    def _mixed(self, parts: list[_Part]) -> Iterator[ProviderEvent]:
        for part in parts:
            if part.text:
                yield from self._say(part.text)
            for inner in part.thinking or ():
                if inner.text:
                    yield from self._think(inner.text)

    def _say(self, text: str) -> Iterator[ProviderEvent]:
        block = self._block
        if not isinstance(block, TextStart):
            yield from self._close_block()
            self._block = block = TextStart(self._next_id("txt"))
            yield block
        yield TextDelta(block.id, text)

    def _think(self, text: str) -> Iterator[ProviderEvent]:
        block = self._block
        if not isinstance(block, ReasoningStart):
            yield from self._close_block()
            self._block = block = ReasoningStart(self._next_id("rsn"))
            yield block
        yield ReasoningDelta(block.id, text)

    def _call(self, index: int, piece: _ToolCall) -> Iterator[ProviderEvent]:
        function = piece.function or _Function()
        call = self._calls.get(index)
        if call is None:
            yield from self._close_block()
            call = self._calls[index] = _OpenCall(piece.id or self._next_id("call"), function.name or "", [])
            yield ToolInputStart(call.id, call.name)
        arguments = function.arguments
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode() if arguments else ""
        if text:
            call.raw.append(text)
            yield ToolInputDelta(call.id, text)

    def _close_block(self) -> Iterator[ProviderEvent]:
        block, self._block = self._block, None
        if isinstance(block, TextStart):
            yield TextEnd(block.id)
        elif block is not None:
            yield ReasoningEnd(block.id)

    def _next_id(self, kind: str) -> str:
        self._blocks += 1
        return f"{kind}_{self._blocks}"


def _tokens(usage: _Usage | None) -> Tokens:
    if usage is None:
        return no_tokens()
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return count_tokens(
        prompt=usage.prompt_tokens or 0,
        completion=usage.completion_tokens or 0,
        cached=(prompt and prompt.cached_tokens) or usage.prompt_cache_hit_tokens or 0,
        written=(prompt and prompt.cache_write_tokens) or 0,
        reasoning=(completion and completion.reasoning_tokens) or 0,
        total=usage.total_tokens,
    )
