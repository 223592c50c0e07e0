from typing import Any

import pytest

from oad.workers.providers.model import (
    ModelFailure,
    ProviderEvent,
    ReasoningEnd,
    ReasoningStart,
    StepFinish,
    TextEnd,
    TextStart,
    ToolInputEnd,
    ToolInputStart,
)
from oad.workers.providers.responses_stream import ResponsesReader
from oad.workers.providers.sse import SseDecoder

from .samples import RESPONSES, sse, texts


def read(data: bytes) -> list[ProviderEvent]:
    reader, decoder = ResponsesReader(), SseDecoder()
    events = [event for payload in decoder.feed(data) + decoder.end() for event in reader.read(payload)]
    return events + list(reader.end())


def test_a_whole_answer() -> None:
    events = read(RESPONSES)
    assert texts(events) == {
        "ReasoningDelta": "Hm, ls.",
        "TextDelta": "I løøk ✓",
        "ToolInputDelta": '{"command":"ls"}',
    }
    assert [event for event in events if not hasattr(event, "text")][:-1] == [
        ReasoningStart("rsn_0"),
        ReasoningEnd("rsn_0", {"encrypted_content": "c2ln"}),
        TextStart("txt_1"),
        TextEnd("txt_1"),
        ToolInputStart("call_1", "bash"),
        ToolInputEnd("call_1", "bash", '{"command":"ls"}'),
    ]
    last = events[-1]
    assert isinstance(last, StepFinish) and last.reason == "tool-calls"
    tokens = last.tokens
    assert (tokens.input, tokens.output, tokens.reasoning, tokens.cache.read, tokens.total) == (60, 15, 5, 40, 120)


@pytest.mark.parametrize(
    ("why", "meant"), [("max_output_tokens", "length"), ("content_filter", "content-filter"), ("new", "unknown")]
)
def test_incomplete_answers(why: str, meant: str) -> None:
    last = read(sse({"type": "response.incomplete", "response": {"incomplete_details": {"reason": why}}}))[-1]
    assert isinstance(last, StepFinish) and last.reason == meant


def test_summary_parts_are_paragraphs() -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": text}

    events = read(
        sse(
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning"}},
            thought("a"),
            {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 1},
            thought("b"),
            {"type": "response.completed", "response": {}},
        )
    )
    assert texts(events) == {"ReasoningDelta": "a\n\nb"}


def test_a_call_that_comes_whole() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "bash", "arguments": "{}"}
    events = read(
        sse(
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": {}},
        )
    )
    assert events[:2] == [ToolInputStart("c", "bash"), ToolInputEnd("c", "bash", "{}")]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "boom"},
        {"type": "error", "error": {"type": "server_error", "message": "boom"}},
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "boom"}}},
    ],
)
def test_failures_inside_the_stream(event: dict[str, Any]) -> None:
    with pytest.raises(ModelFailure, match="boom") as caught:
        read(sse(event))
    assert caught.value.retryable


def test_a_stream_that_ends_early_has_died() -> None:
    with pytest.raises(ModelFailure, match="Connection reset by server"):
        read(sse({"type": "response.created", "response": {}}))
