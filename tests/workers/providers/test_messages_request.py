from typing import Any

from oad.workers.providers.messages_request import beta_headers, messages_body
from oad.workers.providers.model import (
    ChatMessage,
    MediaContent,
    ReasoningContent,
    TextContent,
    ToolOutcome,
    ToolUse,
)

from .samples import LS, NPM, model, request

CLAUDE = model("claude-x", NPM["anthropic"], limit={"context": 200_000, "output": 64_000}, reasoning=True)
CACHED = {"type": "ephemeral"}


def body(*messages: ChatMessage, **changes: Any) -> dict[str, Any]:
    return messages_body(request(*messages, **{"model": CLAUDE, **changes}))


def test_the_plainest_request() -> None:
    assert body() == {
        "model": "claude-x",
        "max_tokens": 32_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": CACHED}]}],
        "stream": True,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHED}],
    }


def test_tools() -> None:
    sent = body(tools=[LS], tool_choice="required")
    assert sent["tools"] == [{"name": "bash", "description": LS.description, "input_schema": LS.parameters}]
    assert sent["tool_choice"] == {"type": "any"}


def test_a_turn_with_signed_thinking_goes_back_as_it_was() -> None:
    thought = ReasoningContent("hm", {"signature": "c2ln"})
    hidden = ReasoningContent("", {"redacted": "xyz"})
    use = ToolUse("c.1", "bash", {"command": "ls"})
    outcome = ToolOutcome("c.1", "bash", "failed", is_error=True)
    sent = body(
        ChatMessage("user", [TextContent("Hello")]),
        ChatMessage("assistant", [thought, hidden, TextContent("I look."), use]),
        ChatMessage("tool", [outcome]),
        ChatMessage("user", [TextContent("and?")]),
    )["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c_1", "name": "bash", "input": {"command": "ls"}, "cache_control": CACHED},
    ]
    assert sent[2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "c_1",
            "content": [{"type": "text", "text": "failed"}],
            "is_error": True,
        },
        {"type": "text", "text": "and?", "cache_control": CACHED},
    ]


def test_thinking_of_others_and_empty_texts_are_left_out() -> None:
    foreign = ReasoningContent("hm", {"encrypted_content": "x"})
    sent = body(
        ChatMessage("user", [TextContent("Hello")]),
        ChatMessage("assistant", [foreign, TextContent(" \n")]),
        ChatMessage("user", [TextContent("Still there?")]),
    )["messages"]
    assert [turn["role"] for turn in sent] == ["user"]
    assert len(sent[0]["content"]) == 2


def test_a_thinking_budget() -> None:
    sent = body(
        options={"thinking": {"type": "enabled", "budgetTokens": 16_000}},
        temperature=0.5,
        tools=[LS],
        tool_choice="required",
    )
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 16_000}
    assert sent["max_tokens"] == 48_000
    assert "temperature" not in sent and sent["tool_choice"] == {"type": "auto"}
    assert "interleaved-thinking" in beta_headers(sent)["anthropic-beta"]


def test_an_effort() -> None:
    sent = body(options={"thinking": {"type": "adaptive"}, "effort": "high"})
    assert sent["output_config"] == {"effort": "high"} and "effort" not in sent
    assert beta_headers(sent) == {}


def test_media() -> None:
    seeing = model("claude-x", modalities={"input": ["text", "image", "pdf"]})
    png, pdf = MediaContent("image/png", "AAAA"), MediaContent("application/pdf", "BBBB")
    sent = body(
        ChatMessage("user", [png, pdf]), ChatMessage("tool", [ToolOutcome("c", "read", "", media=[png])]), model=seeing
    )
    blocks = sent["messages"][0]["content"]
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert blocks[0] == {"type": "image", "source": source}
    assert blocks[1]["type"] == "document"
    assert blocks[2]["content"] == [{"type": "image", "source": source}]
