"""The answer of a responses call, event by event."""

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

_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content-filter"}


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None
    error: Any = None
    incomplete_details: _Incomplete | None = None


class _Item(msgspec.Struct):
    type: str
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    encrypted_content: str | None = None


class _Event(msgspec.Struct):
    type: str
    output_index: int = 0
    summary_index: int = 0
    delta: Any = None
    item: _Item | None = None
    response: _Response | None = None
    error: Any = None
    code: Any = None
    message: str | None = None


_decode = msgspec.json.Decoder(_Event).decode
_SPOKEN = frozenset({"response.output_text.delta", "response.refusal.delta"})
_THOUGHT = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})


class _Open(msgspec.Struct):
    """An output item under way: ``kind`` is message, reasoning or function_call."""

    kind: str
    id: str
    name: str = ""
    texts: list[str] = []
    started: bool = False


class ResponsesReader:
    """One call's events in, neutral events out; see EventReader."""

    def __init__(self) -> None:
        self.finished = False
        self._open: dict[int, _Open] = {}
        self._called = False
        self._reason: str | None = None
        self._usage: _Usage | None = None

    def read(self, data: bytes) -> Iterator[ProviderEvent]:
        if data == b"[DONE]":
            return
        try:
            event = _decode(data)
        except msgspec.MsgspecError as error:
            raise garbled_failure(str(error)) from error
        kind = event.type
        if kind in _SPOKEN or kind in _THOUGHT or kind == "response.function_call_arguments.delta":
            yield from self._delta(event.output_index, event.delta)
        elif kind == "response.output_item.added" and event.item is not None:
            yield from self._add(event.output_index, event.item)
        elif kind == "response.output_item.done" and event.item is not None:
            yield from self._done(event.output_index, event.item)
        elif kind == "response.reasoning_summary_part.added" and event.summary_index:
            yield from self._delta(event.output_index, "\n\n")
        elif kind in _LAST and event.response is not None:
            self._last(kind, event.response)
        elif kind == "error":
            raise stream_failure({"error": event.error or {"message": event.message, "code": event.code}})

    def end(self) -> Iterator[ProviderEvent]:
        if self._reason is None:
            raise reset_failure()
        for index in list(self._open):
            yield from self._close(index, None)
        reason = "tool-calls" if self._called and self._reason == "stop" else self._reason
        yield StepFinish(reason, _tokens(self._usage))

    def _last(self, kind: str, response: _Response) -> None:
        if response.error:
            raise stream_failure({"error": response.error})
        self._usage = response.usage
        self.finished = True
        if kind == "response.completed":
            self._reason = "stop"
        elif kind == "response.incomplete" and response.incomplete_details is not None:
            self._reason = _INCOMPLETE.get(response.incomplete_details.reason or "", "unknown")
        else:
            self._reason = "unknown"

    def _add(self, index: int, item: _Item) -> Iterator[ProviderEvent]:
        if item.type == "function_call":
            self._called = True
            call_id = item.call_id or item.id or f"call_{index}"
            self._open[index] = _Open(item.type, call_id, item.name or "", started=True)
            yield ToolInputStart(call_id, item.name or "")
        elif item.type == "reasoning":
            self._open[index] = _Open(item.type, f"rsn_{index}", started=True)
            yield ReasoningStart(f"rsn_{index}")
        elif item.type == "message":
            self._open[index] = _Open(item.type, f"txt_{index}")

    def _delta(self, index: int, text: Any) -> Iterator[ProviderEvent]:
        block = self._open.get(index)
        if block is None or not isinstance(text, str) or not text:
            return
        if block.kind == "function_call":
            block.texts.append(text)
            yield ToolInputDelta(block.id, text)
        elif block.kind == "reasoning":
            yield ReasoningDelta(block.id, text)
        else:
            if not block.started:
                block.started = True
                yield TextStart(block.id)
            yield TextDelta(block.id, text)

    def _done(self, index: int, item: _Item) -> Iterator[ProviderEvent]:
        if index not in self._open:  # a server that announces no items
            yield from self._add(index, item)
        yield from self._close(index, item)

    def _close(self, index: int, item: _Item | None) -> Iterator[ProviderEvent]:
        block = self._open.pop(index, None)
        if block is None or not block.started:
            return
        if block.kind == "function_call":
            yield ToolInputEnd(block.id, block.name, "".join(block.texts) or (item and item.arguments) or "")
        elif block.kind == "reasoning":
            secret = item and item.encrypted_content
            yield ReasoningEnd(block.id, {"encrypted_content": secret} if secret else None)
        else:
            yield TextEnd(block.id)


def _tokens(usage: _Usage | None) -> Tokens:
    if usage is None:
        return no_tokens()
    read, made = usage.input_tokens_details, usage.output_tokens_details
    return count_tokens(
        prompt=usage.input_tokens or 0,
        completion=usage.output_tokens or 0,
        cached=(read and read.cached_tokens) or 0,
        written=(read and read.cache_write_tokens) or 0,
        reasoning=(made and made.reasoning_tokens) or 0,
        total=usage.total_tokens,
    )
