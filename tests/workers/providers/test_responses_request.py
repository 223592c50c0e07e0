from oad.workers.providers.model import (
    ChatMessage,
    MediaContent,
    ReasoningContent,
    TextContent,
    ToolOutcome,
    ToolUse,
)
from oad.workers.providers.responses_request import responses_body

from .samples import LS, NPM, model, request


def test_the_plainest_request() -> None:
    assert responses_body(request()) == {
        "model": "fake-1",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
        "stream": True,
        "store": False,
        "instructions": "Be brief.",
    }


def test_tools_limits_and_reasoning() -> None:
    thinking = model("gpt-5", NPM["openai-responses"], reasoning=True)
    options = {"reasoningEffort": "high", "reasoningSummary": "auto", "textVerbosity": "low", "own": 1}
    body = responses_body(request(model=thinking, tools=[LS], max_output_tokens=9, session_id="ses_1", options=options))
    assert body["tools"][0]["name"] == "bash" and body["tool_choice"] == "auto"
    assert (body["max_output_tokens"], body["prompt_cache_key"], body["own"]) == (9, "ses_1", 1)
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert body["text"] == {"verbosity": "low"}
    assert body["include"] == ["reasoning.encrypted_content"]


def test_a_turn_goes_back() -> None:
    png = MediaContent("image/png", "AAAA")
    body = responses_body(
        request(
            ChatMessage(
                "assistant",
                [
                    ReasoningContent("hm", {"encrypted_content": "c2ln"}),
                    ReasoningContent("of another vendor", {"signature": "x"}),
                    TextContent("I look."),
                    ToolUse("c1", "bash", {"command": "ls"}),
                ],
            ),
            ChatMessage("tool", [ToolOutcome("c1", "bash", "a.txt"), ToolOutcome("c2", "read", "seen", media=[png])]),
            model=model(modalities={"input": ["text", "image"]}),
        )
    )
    summary = [{"type": "summary_text", "text": "hm"}]
    seen = [
        {"type": "input_text", "text": "seen"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]
    assert body["input"] == [
        {"type": "reasoning", "summary": summary, "encrypted_content": "c2ln"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "c1", "name": "bash", "arguments": '{"command":"ls"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "a.txt"},
        {"type": "function_call_output", "call_id": "c2", "output": seen},
    ]


def test_a_pdf() -> None:
    pdf = MediaContent("application/pdf", "BBBB", "b.pdf")
    body = responses_body(request(ChatMessage("user", [pdf]), model=model(modalities={"input": ["text", "pdf"]})))
    shown = {"type": "input_file", "filename": "b.pdf", "file_data": "data:application/pdf;base64,BBBB"}
    assert body["input"][0]["content"] == [shown]
