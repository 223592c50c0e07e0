import json

import msgspec
import pytest

from oad.cli.turn_printer import JsonPrinter, TextPrinter
from oad.contract.message import (
    AssistantMessage,
    CompletedTime,
    MessagePath,
    NamedError,
    Part,
    PartTime,
    ReasoningPart,
    RunningTime,
    TextPart,
    ToolCompleted,
    ToolPart,
    ToolRunning,
    TurnTime,
)
from oad.contract.session import no_tokens

MESSAGE = AssistantMessage(
    id="msg_1", session_id="ses_1", parent_id="msg_0", time=TurnTime(created=1), model_id="m", provider_id="p",
    mode="build", agent="build", path=MessagePath(cwd="/", root="/"), cost=0, tokens=no_tokens(),
)  # fmt: skip


def text(content: str, *, end: int | None = 2, id: str = "prt_1", message: str = "msg_1") -> TextPart:
    return TextPart(id=id, session_id="ses_1", message_id=message, text=content, time=PartTime(start=1, end=end))


def tool(*, done: bool = True) -> ToolPart:
    running = ToolRunning(input={}, time=RunningTime(start=1))
    completed = ToolCompleted(input={}, output="x", title="echo", metadata={}, time=CompletedTime(start=1, end=2))
    state = completed if done else running
    return ToolPart(id="prt_9", session_id="ses_1", message_id="msg_1", call_id="c", tool="bash", state=state)


def raw(part: Part) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(part))


def show(printer: TextPrinter | JsonPrinter, *parts: Part) -> None:
    for part in parts:
        printer.part(part, raw(part))


def test_text_is_printed_once_whether_it_came_as_deltas_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    printer = TextPrinter()
    printer.message(MESSAGE)
    printer.delta("msg_1", "prt_1", "Hel")
    printer.delta("msg_1", "prt_1", "lo")
    show(printer, text("Hello, you"), text("whole", id="prt_2"))
    printer.close()
    assert capsys.readouterr().out == "Hello, you\nwhole\n"


def test_the_prompt_and_reasoning_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printer = TextPrinter()
    printer.message(MESSAGE)
    reasoning = ReasoningPart(id="prt_5", session_id="ses_1", message_id="msg_1", text="", time=PartTime(start=1))
    show(printer, text("prompt", message="msg_0"), reasoning)
    printer.delta("msg_1", "prt_5", "thinking")
    assert capsys.readouterr().out == ""


def test_tools_and_errors_go_to_standard_error_once(capsys: pytest.CaptureFixture[str]) -> None:
    printer = TextPrinter()
    printer.message(MESSAGE)
    show(printer, tool(done=False), tool(), tool())
    printer.failed(NamedError(name="ApiError", data={"message": "no"}))
    printer.failed(NamedError(name="ApiError", data={"message": "no"}))
    captured = capsys.readouterr()
    assert captured.err == "| bash  echo\nerror: ApiError: no\n"
    assert captured.out == ""


def test_json_has_one_line_for_each_finished_part(capsys: pytest.CaptureFixture[str]) -> None:
    printer = JsonPrinter("ses_1")
    printer.message(MESSAGE)
    show(printer, text("Hel", end=None), text("Hello"), tool(done=False), tool())
    printer.failed(NamedError(name="ApiError", data={}))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["text", "tool_use", "error"]
    assert lines[0]["part"] == json.loads(bytes(raw(text("Hello"))))
    assert all(line["sessionID"] == "ses_1" and line["timestamp"] > 0 for line in lines)
