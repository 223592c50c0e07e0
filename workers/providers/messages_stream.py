"""The answer of an Anthropic messages call, event by event."""

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
from .usage import count_tokens

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool-calls",
    "refusal": "content-filter",
}


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    """Cumulative: later numbers replace earlier ones."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _Details | None = None


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Block(msgspec.Struct):
    type: str
    id: str = ""
    name: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    input: Any = None


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class _Open(msgspec.Struct):
    """A block under way: ``kind`` is text, reasoning or tool; ``texts`` the pieces of a tool's input."""

    kind: str
    id: str
    name: str = ""
    texts: list[str] = []
    whole: Any = None
    metadata: dict[str, Any] | None = None


class MessagesReader:
    """One call's events in, neutral events out; see EventReader."""

    def __init__(self) -> None:
        self.finished = False
        self._open: dict[int, _Open] = {}
        self._reason: str | None = None
        self._usage = _Usage()

    def read(self, data: bytes) -> Iterator[ProviderEvent]:
        try:
            event = _decode(data)
        except msgspec.MsgspecError as error:
            raise garbled_failure(str(error)) from error
        match event.type:
            case "content_block_delta" if event.delta is not None:
                yield from self._delta(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                yield from self._start(event.index, event.content_block)
            case "content_block_stop":
                yield from self._stop(event.index)
            case "message_start" | "message_delta" | "message_stop":
                self._message(event)
            case "error":
                raise stream_failure({"error": event.error or "error"})
            case _:  # ping, and what the vendor adds later
                pass

    def end(self) -> Iterator[ProviderEvent]:
        if self._reason is None:
            raise reset_failure()
        for index in list(self._open):
            yield from self._stop(index)
        yield StepFinish(_REASONS.get(self._reason, "unknown"), _tokens(self._usage))

    def _message(self, event: _Event) -> None:
        if event.message is not None and event.message.usage is not None:
            self._usage = event.message.usage
        if event.usage is not None:
            _update(self._usage, event.usage)
        if event.delta is not None and event.delta.stop_reason:
            self._reason = event.delta.stop_reason
        self.finished = event.type == "message_stop"

    def _start(self, index: int, block: _Block) -> Iterator[ProviderEvent]:
        match block.type:
            case "text":
                self._open[index] = _Open("text", f"txt_{index}")
                yield TextStart(f"txt_{index}")
                if block.text:
                    yield TextDelta(f"txt_{index}", block.text)
            case "thinking" | "redacted_thinking":
                metadata = {"redacted": block.data} if block.data else None
                self._open[index] = _Open("reasoning", f"rsn_{index}", metadata=metadata)
                yield ReasoningStart(f"rsn_{index}")
                if block.thinking:
                    yield ReasoningDelta(f"rsn_{index}", block.thinking)
            case "tool_use":
                self._open[index] = _Open("tool", block.id, block.name, whole=block.input)
                yield ToolInputStart(block.id, block.name)
            case _:  # blocks of tools that run at the vendor, which nobody here asks for
                pass

    def _delta(self, index: int, delta: _Delta) -> Iterator[ProviderEvent]:
        block = self._open.get(index)
        if block is None:
            return
        if delta.text:
            yield TextDelta(block.id, delta.text)
        elif delta.thinking:
            yield ReasoningDelta(block.id, delta.thinking)
        elif delta.partial_json:
            block.texts.append(delta.partial_json)
            yield ToolInputDelta(block.id, delta.partial_json)
        elif delta.signature:
            block.metadata = {"signature": (block.metadata or {}).get("signature", "") + delta.signature}

    def _stop(self, index: int) -> Iterator[ProviderEvent]:
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.kind == "text":
            yield TextEnd(block.id)
        elif block.kind == "reasoning":
            yield ReasoningEnd(block.id, block.metadata)
        else:
            yield ToolInputEnd(block.id, block.name, _raw_input(block))


def _raw_input(block: _Open) -> str:
    """A call without arguments streams none."""
    return "".join(block.texts) or msgspec.json.encode(block.whole or {}).decode()


def _update(usage: _Usage, newer: _Usage) -> None:
    for field in _Usage.__struct_fields__:
        if (value := getattr(newer, field)) is not None:
            setattr(usage, field, value)


def _tokens(usage: _Usage) -> Tokens:
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    return count_tokens(
        prompt=(usage.input_tokens or 0) + cached + written,  # this vendor counts the three apart
        completion=usage.output_tokens or 0,
        cached=cached,
        written=written,
        reasoning=(details and details.thinking_tokens) or 0,
    )
