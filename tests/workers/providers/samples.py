"""Models, requests, and the same answer as each protocol streams it."""

from typing import Any

import msgspec

from oad.contract.catalogue import Model
from oad.workers.providers.model import (
    ChatMessage,
    Endpoint,
    ModelRequest,
    ProviderEvent,
    ReasoningDelta,
    TextContent,
    TextDelta,
    ToolInputDelta,
    ToolSpec,
)
from oad.workers.providers.model_making import make_model
from oad.workers.providers.settings import ModelSettings

NPM = {
    "openai-chat": "@ai-sdk/openai-compatible",
    "openai-responses": "@ai-sdk/openai",
    "anthropic": "@ai-sdk/anthropic",
}
LS = ToolSpec("bash", "Runs a command", {"type": "object", "properties": {"command": {"type": "string"}}})


def model(model_id: str = "fake-1", npm: str = NPM["openai-chat"], **settings: Any) -> Model:
    return make_model("fake", model_id, msgspec.convert(settings, ModelSettings), None, npm=npm, url="")


def request(*messages: ChatMessage, **changes: Any) -> ModelRequest:
    base = ModelRequest(
        model=model(),
        endpoint=Endpoint(protocol="openai-chat", base_url="http://127.0.0.1:1/v1", api_key="k"),
        system=["Be brief."],
        messages=list(messages) or [ChatMessage("user", [TextContent("Hello")])],
    )
    return msgspec.structs.replace(base, **changes)


def sse(*events: Any) -> bytes:
    lines = (event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events)
    return b"".join(b"data: " + line + b"\n\n" for line in lines)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def call(index: int, arguments: str, **named: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": named["name"]} if "name" in named else {})
    return {"tool_calls": [{"index": index, "function": function} | ({"id": named["id"]} if "id" in named else {})]}


CHAT = sse(
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Hm, "}),
    chunk({"reasoning_content": "ls."}),
    chunk({"content": "I "}),
    chunk({"content": "løøk ✓"}),
    chunk(call(0, "", name="bash", id="call_1")),
    chunk(call(0, '{"comm')),
    chunk(call(0, 'and":"ls"}')),
    chunk({}, "tool_calls"),
    {
        "choices": [],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    },
    b"[DONE]",
)

ANTHROPIC = sse(
    {
        "type": "message_start",
        "message": {"usage": {"input_tokens": 60, "cache_read_input_tokens": 40, "output_tokens": 1}},
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm, "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "ls."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I "}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "løøk ✓"}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "call_1", "name": "bash", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"comm'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": 'and":"ls"}'}},
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use"},
        "usage": {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 5}},
    },
    {"type": "message_stop"},
)

RESPONSES = sse(
    {"type": "response.created", "response": {"id": "resp_1", "usage": None}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1"}},
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0, "part": {}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "Hm, "},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "ls."},
    {
        "type": "response.output_item.done",
        "output_index": 0,
        "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "c2ln"},
    },
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "msg_1"}},
    {"type": "response.output_text.delta", "output_index": 1, "delta": "I "},
    {"type": "response.output_text.delta", "output_index": 1, "delta": "løøk ✓"},
    {"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "id": "msg_1"}},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "bash", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"comm'},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": 'and":"ls"}'},
    {
        "type": "response.output_item.done",
        "output_index": 2,
        "item": {"type": "function_call", "call_id": "call_1", "name": "bash", "arguments": '{"command":"ls"}'},
    },
    {
        "type": "response.completed",
        "response": {
            "usage": {
                "input_tokens": 100,
                "output_tokens": 20,
                "total_tokens": 120,
                "input_tokens_details": {"cached_tokens": 40},
                "output_tokens_details": {"reasoning_tokens": 5},
            }
        },
    },
)

ANSWERS = {"openai-chat": CHAT, "openai-responses": RESPONSES, "anthropic": ANTHROPIC}


def texts(events: list[ProviderEvent]) -> dict[str, str]:
    """What was said, thought and called, joined."""
    said: dict[str, str] = {}
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta | ToolInputDelta):
            kind = type(event).__name__
            said[kind] = said.get(kind, "") + event.text
    return said
