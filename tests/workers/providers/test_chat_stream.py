from typing import Any

import pytest

from oad.workers.providers.chat_stream import ChatReader
from oad.workers.providers.model import (
    ModelFailure,
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
from oad.workers.providers.sse import SseDecoder

from .samples import CHAT, call, chunk, sse, texts


def read(data: bytes) -> list[ProviderEvent]:
    reader, decoder = ChatReader(), SseDecoder()
    events = [event for payload in decoder.feed(data) + decoder.end() for event in reader.read(payload)]
    return events + list(reader.end())


def finish(*events: Any) -> StepFinish:
    last = read(sse(*events, b"[DONE]"))[-1]
    assert isinstance(last, StepFinish)
    return last


def test_a_whole_answer() -> None:
    events = read(CHAT)
    assert events[:-1] == [
        ReasoningStart("rsn_1"),
        ReasoningDelta("rsn_1", "Hm, "),
        ReasoningDelta("rsn_1", "ls."),
        ReasoningEnd("rsn_1"),
        TextStart("txt_2"),
        TextDelta("txt_2", "I "),
        TextDelta("txt_2", "løøk ✓"),
        TextEnd("txt_2"),
        ToolInputStart("call_1", "bash"),
        ToolInputDelta("call_1", '{"comm'),
        ToolInputDelta("call_1", 'and":"ls"}'),
        ToolInputEnd("call_1", "bash", '{"command":"ls"}'),
    ]
    last = events[-1]
    assert isinstance(last, StepFinish) and last.reason == "tool-calls"
    tokens = last.tokens
    assert (tokens.input, tokens.output, tokens.reasoning, tokens.cache.read, tokens.total) == (60, 15, 5, 40, 120)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_text"])
def test_the_names_of_reasoning(field: str) -> None:
    assert texts(read(sse(chunk({field: "hm"}), chunk({}, "stop")))) == {"ReasoningDelta": "hm"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content-filter"), ("tool_calls", "tool-calls")]
    + [("odd", "unknown"), ("STOP", "stop")],
)
def test_finish_reasons(said: str, meant: str) -> None:
    assert finish(chunk({"content": "x"}), chunk({}, said)).reason == meant


def test_calls_that_interleave_and_a_server_that_says_stop() -> None:
    events = read(
        sse(
            chunk(call(0, '{"a"', name="one", id="c0")),
            chunk(call(1, '{"b"', name="two", id="c1")),
            chunk(call(0, ":1}")),
            chunk(call(1, ":2}")),
            chunk({}, "stop"),
        )
    )
    ends = [event for event in events if isinstance(event, ToolInputEnd)]
    assert ends == [ToolInputEnd("c0", "one", '{"a":1}'), ToolInputEnd("c1", "two", '{"b":2}')]
    assert isinstance(events[-1], StepFinish) and events[-1].reason == "tool-calls"


def test_calls_without_index_or_id_and_with_an_object_as_arguments() -> None:
    piece = {"function": {"name": "bash", "arguments": {"command": "ls"}}}
    events = read(sse(chunk({"tool_calls": [piece, piece]}), chunk({}, "tool_calls")))
    ends = [event for event in events if isinstance(event, ToolInputEnd)]
    assert [end.raw for end in ends] == ['{"command":"ls"}'] * 2
    assert ends[0].id != ends[1].id


def test_content_as_a_list_of_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    events = read(sse(chunk({"content": [thinking, {"type": "text", "text": "yes"}]}), chunk({}, "stop")))
    assert texts(events) == {"ReasoningDelta": "hm", "TextDelta": "yes"}


def test_nulls_everywhere() -> None:
    nothing = {"content": None, "reasoning": None, "tool_calls": None, "refusal": None}
    assert finish(chunk(nothing, "stop", usage=None)).tokens.total is None


def test_an_empty_answer_has_only_a_finish() -> None:
    assert len(read(sse(chunk({"role": "assistant", "content": ""}), chunk({}, "stop"), b"[DONE]"))) == 1


def test_done_without_a_reason_is_unknown_and_a_stream_without_both_has_died() -> None:
    assert finish(chunk({"content": "x"})).reason == "unknown"
    with pytest.raises(ModelFailure) as caught:
        read(sse(chunk({"content": "x"})))
    assert (caught.value.message, caught.value.retryable) == ("Connection reset by server", True)


def test_an_error_inside_the_stream() -> None:
    with pytest.raises(ModelFailure, match="upstream") as caught:
        read(sse(chunk({"content": "x"}), {"error": {"message": "upstream", "code": 502}}))
    assert caught.value.retryable


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"choices": 7}'])
def test_garbage_is_a_failure(data: bytes) -> None:
    with pytest.raises(ModelFailure, match="protocol"):
        read(sse(data))
