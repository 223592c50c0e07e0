import msgspec
import pytest
from records import a_text, a_thought, a_tool, a_user, an_answer

from oad.contract.message import AssistantMessage, TextPart, ToolError, ToolPart
from oad.daemon.closing import TOOL_ABORTED, aborted, close_message, close_part, crashed

encode = msgspec.json.encode


def test_an_open_answer_gets_its_end_and_the_reason() -> None:
    closed = close_message(encode(an_answer()), aborted(), 9)
    assert isinstance(closed, AssistantMessage)
    assert closed.time.completed == 9
    assert closed.error == aborted()


def test_an_error_that_was_there_stays() -> None:
    message = an_answer()
    message.error = crashed("first")
    closed = close_message(encode(message), aborted(), 9)
    assert closed is not None
    assert closed.error == crashed("first")


@pytest.mark.parametrize("message", [a_user(), an_answer(completed=3)])
def test_other_messages_need_no_closing(message: object) -> None:
    assert close_message(encode(message), aborted(), 9) is None


@pytest.mark.parametrize("state", ["pending", "running"])
def test_an_open_tool_call_becomes_an_interrupted_error(state: str) -> None:
    closed = close_part(encode(a_tool("prt_1", state)), "", 9)
    assert isinstance(closed, ToolPart)
    assert isinstance(closed.state, ToolError)
    assert closed.state.error == TOOL_ABORTED
    assert closed.state.time.end == 9
    assert closed.state.metadata is not None
    assert closed.state.metadata["interrupted"] is True
    assert closed.state.metadata.get("output") == ("so far" if state == "running" else None)


def test_text_that_streamed_is_kept() -> None:
    closed = close_part(encode(a_text(text="a")), "bc", 9)
    assert isinstance(closed, TextPart)
    assert closed.text == "abc"
    assert closed.time is not None
    assert (closed.time.start, closed.time.end) == (1, 9)


@pytest.mark.parametrize("part", [a_text(end=2), a_thought("prt_1", end=2), a_tool("prt_1", "completed")])
def test_ended_parts_need_no_closing(part: object) -> None:
    assert close_part(encode(part), "x", 9) is None


def test_text_without_times_was_never_open() -> None:
    part = TextPart(id="prt_1", session_id="ses_a", message_id="msg_1", text="as typed")
    assert close_part(encode(part), "", 9) is None
