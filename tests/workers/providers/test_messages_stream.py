import pytest

from oad.workers.providers.messages_stream import MessagesReader
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
from oad.workers.providers.sse import SseDecoder

from .samples import ANTHROPIC, sse, texts


def read(data: bytes) -> list[ProviderEvent]:
    reader, decoder = MessagesReader(), SseDecoder()
    events = [event for payload in decoder.feed(data) + decoder.end() for event in reader.read(payload)]
    return events + list(reader.end())


def stopped(reason: str) -> dict[str, object]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}}


def test_a_whole_answer() -> None:
    events = read(ANTHROPIC)
    assert texts(events) == {
        "ReasoningDelta": "Hm, ls.",
        "TextDelta": "I løøk ✓",
        "ToolInputDelta": '{"command":"ls"}',
    }
    assert [event for event in events if not hasattr(event, "text")][:-1] == [
        ReasoningStart("rsn_0"),
        ReasoningEnd("rsn_0", {"signature": "c2ln"}),
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
    ("said", "meant"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content-filter")]
    + [("model_context_window_exceeded", "length"), ("something_new", "unknown")],
)
def test_stop_reasons(said: str, meant: str) -> None:
    last = read(sse(stopped(said), {"type": "message_stop"}))[-1]
    assert isinstance(last, StepFinish) and last.reason == meant


def test_redacted_thinking_is_kept_for_the_way_back() -> None:
    block = {"type": "redacted_thinking", "data": "xyz"}
    events = read(
        sse(
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_stop", "index": 0},
            stopped("end_turn"),
        )
    )
    assert events[:2] == [ReasoningStart("rsn_0"), ReasoningEnd("rsn_0", {"redacted": "xyz"})]


def test_a_call_without_arguments_and_with_whole_ones() -> None:
    def started(index: int, arguments: object) -> dict[str, object]:
        block = {"type": "tool_use", "id": f"t{index}", "name": "n", "input": arguments}
        return {"type": "content_block_start", "index": index, "content_block": block}

    events = read(sse(started(0, {}), started(1, {"a": 1}), stopped("tool_use")))
    assert [event.raw for event in events if isinstance(event, ToolInputEnd)] == ["{}", '{"a":1}']


def test_unknown_events_and_blocks_are_passed_over() -> None:
    events = read(
        sse(
            {"type": "content_block_start", "index": 0, "content_block": {"type": "server_tool_use", "id": "s"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "invented"},
            stopped("end_turn"),
        )
    )
    assert len(events) == 1


def test_an_overload_inside_the_stream() -> None:
    with pytest.raises(ModelFailure, match="Provider is overloaded") as caught:
        read(sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    assert caught.value.retryable


def test_a_stream_that_ends_early_has_died() -> None:
    with pytest.raises(ModelFailure, match="Connection reset by server"):
        read(sse({"type": "message_start", "message": {}}))
