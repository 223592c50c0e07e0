from typing import Any

from oad.workers.providers.chat_request import chat_body
from oad.workers.providers.model import (
    ChatMessage,
    Endpoint,
    MediaContent,
    ReasoningContent,
    TextContent,
    ToolOutcome,
    ToolUse,
)

from .samples import LS, model, request

PNG = MediaContent("image/png", "AAAA", "a.png")
PDF = MediaContent("application/pdf", "BBBB", "b.pdf")
SEES = {"modalities": {"input": ["text", "image", "pdf"]}}


def test_the_plainest_request() -> None:
    assert chat_body(request()) == {
        "model": "fake-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_tools_and_limits() -> None:
    body = chat_body(request(tools=[LS], tool_choice="required", max_output_tokens=9, temperature=0.5, top_p=0.9))
    function = {"name": "bash", "description": LS.description, "parameters": LS.parameters}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert (body["tool_choice"], body["max_tokens"], body["temperature"], body["top_p"]) == ("required", 9, 0.5, 0.9)


def test_the_vendor_itself_gets_its_newer_fields() -> None:
    openai = Endpoint(protocol="openai-chat", base_url="https://api.openai.com/v1")
    body = chat_body(request(model=model("gpt-5"), endpoint=openai, max_output_tokens=9, session_id="ses_1"))
    assert (body["max_completion_tokens"], body["prompt_cache_key"]) == (9, "ses_1")
    assert "max_tokens" not in body
    assert "prompt_cache_key" not in chat_body(request(session_id="ses_1"))


def test_options_are_renamed_and_win() -> None:
    body = chat_body(request(temperature=0.5, options={"reasoningEffort": "high", "temperature": 1, "own": 2}))
    assert (body["reasoning_effort"], body["temperature"], body["own"]) == ("high", 1, 2)


def test_a_turn_with_tools_goes_back() -> None:
    thought, said = ReasoningContent("hm"), TextContent("I look.")
    use = ToolUse("c1", "bash", {"command": "ls"})
    outcome = ToolOutcome("c1", "bash", "a.txt", media=[PNG])
    messages = chat_body(
        request(ChatMessage("assistant", [thought, said, use]), ChatMessage("tool", [outcome]), model=model(**SEES))
    )["messages"]
    function = {"name": "bash", "arguments": '{"command":"ls"}'}
    assert messages[1:3] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
    ]
    assert messages[3]["role"] == "user"
    assert messages[3]["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def test_reasoning_goes_back_only_where_its_field_is_known() -> None:
    message = ChatMessage("assistant", [ReasoningContent("hm"), TextContent("yes")])
    assert "reasoning_content" not in chat_body(request(message))["messages"][1]
    knowing = model(interleaved={"field": "reasoning_content"})
    assert chat_body(request(message, model=knowing))["messages"][1]["reasoning_content"] == "hm"


def test_an_answer_of_reasoning_alone_is_left_out() -> None:
    assert len(chat_body(request(ChatMessage("assistant", [ReasoningContent("hm")])))["messages"]) == 1


def parts(*media: MediaContent, **settings: Any) -> list[dict[str, Any]]:
    content = [TextContent("See"), *media]
    return chat_body(request(ChatMessage("user", list(content)), model=model(**settings)))["messages"][1]["content"]


def test_media_for_a_model_that_sees() -> None:
    assert parts(PNG, PDF, **SEES)[1:] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "file", "file": {"filename": "b.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
    ]


def test_media_for_a_model_that_does_not() -> None:
    shown = parts(PNG)[1]
    assert shown["type"] == "text" and "a.png" in shown["text"] and "image/png" in shown["text"]


def test_text_files_are_text() -> None:
    assert parts(MediaContent("text/plain", "aGk="))[1] == {"type": "text", "text": "hi"}


def test_sound() -> None:
    heard = parts(MediaContent("audio/mpeg", "CCCC"), modalities={"input": ["text", "audio"]})[1]
    assert heard == {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "mp3"}}
