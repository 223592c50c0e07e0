"""What a model is sent of stored messages."""

from typing import Any

from oad.contract.message import (
    AssistantMessage,
    CompactionPart,
    CompletedTime,
    CreatedTime,
    FilePart,
    MessagePath,
    MessageWithParts,
    ModelReference,
    NamedError,
    Part,
    PartTime,
    ReasoningPart,
    RunningTime,
    TextPart,
    ToolCompleted,
    ToolError,
    ToolPart,
    ToolRunning,
    ToolState,
    TurnTime,
    UserMessage,
)
from oad.contract.session import no_tokens
from oad.workers.providers.model import MediaContent, ReasoningContent, TextContent, ToolOutcome, ToolUse
from oad.workers.session.history import data_of, since_compaction, to_chat

from .fakes import make_model

MODEL = make_model()
IDS: dict[str, Any] = {"id": "prt_1", "session_id": "s", "message_id": "m"}
PNG = "data:image/png;base64,iVBORw0KGgo="


def user(*parts: Part, id: str = "msg_u") -> MessageWithParts:
    model = ModelReference(provider_id="fake", model_id="fake-1")
    info = UserMessage(id=id, session_id="s", time=CreatedTime(created=1), agent="build", model=model)
    return MessageWithParts(info=info, parts=list(parts))


def answer(*parts: Part, model: str = "fake-1", **fields: Any) -> MessageWithParts:
    info = AssistantMessage(
        session_id="s",
        time=TurnTime(created=1),
        model_id=model,
        provider_id="fake",
        mode="build",
        agent="build",
        path=MessagePath(cwd="/", root="/"),
        cost=0,
        tokens=no_tokens(),
        **{"id": "msg_a", "parent_id": "msg_u", **fields},
    )
    return MessageWithParts(info=info, parts=list(parts))


def said(text: str, **fields: Any) -> TextPart:
    return TextPart(**IDS, text=text, **fields)


def tool(state: ToolState) -> ToolPart:
    return ToolPart(**IDS, call_id="c", tool="bash", state=state)


def done(output: str, **fields: Any) -> ToolCompleted:
    time = CompletedTime(start=1, end=2, compacted=fields.pop("compacted", None))
    return ToolCompleted(input={"command": "x"}, output=output, title="", metadata={}, time=time, **fields)


def contents(*messages: MessageWithParts, **fields: Any) -> list[Any]:
    return [item for chat in to_chat(list(messages), fields.pop("model", MODEL), **fields) for item in chat.content]


def test_a_call_and_its_outcome() -> None:
    chats = to_chat([user(said("go")), answer(said("ok"), tool(done("out")))], MODEL)
    assert [chat.role for chat in chats] == ["user", "assistant", "tool"]
    assert chats[1].content == [TextContent("ok"), ToolUse("c", "bash", {"command": "x"})]
    assert chats[2].content == [ToolOutcome("c", "bash", "out")]


def test_an_open_call_was_interrupted() -> None:
    state = ToolRunning(input={}, time=RunningTime(start=1))
    assert contents(answer(tool(state)))[1] == ToolOutcome(
        "c", "bash", "[Tool execution was interrupted]", is_error=True
    )


def test_a_failed_call_tells_what_it_had() -> None:
    time = CompletedTime(start=1, end=2)
    state = ToolError(input={}, error="Tool execution aborted", time=time, metadata={"output": "half"})
    outcome = contents(answer(tool(state)))[1]
    assert outcome.is_error and outcome.output == "half\nTool execution aborted"


def test_a_forgotten_output() -> None:
    assert contents(answer(tool(done("long", compacted=5))))[1].output == "[Old tool result content cleared]"


def test_reasoning_is_for_the_model_that_had_it() -> None:
    part = ReasoningPart(**IDS, text="hm", time=PartTime(start=1), metadata={"signature": "s"})
    assert contents(answer(part)) == [ReasoningContent("hm", {"signature": "s"})]
    assert contents(answer(part, model="other")) == []


def test_ignored_and_empty_texts_are_left_out() -> None:
    assert contents(user(said("a", ignored=True), said(""), said("b", synthetic=True))) == [TextContent("b")]


def test_failed_answers_are_left_out_but_aborted_ones_not() -> None:
    failed = NamedError(name="APIError", data={})
    aborted = NamedError(name="MessageAbortedError", data={})
    assert contents(answer(said("x"), error=failed)) == []
    assert contents(answer(said("x"), error=aborted)) == [TextContent("x")]
    assert contents(answer(error=aborted)) == []


def test_pictures_only_for_models_that_see() -> None:
    picture = user(FilePart(**IDS, mime="image/png", url=PNG, filename="p.png"))
    assert contents(picture)[0].text.startswith('ERROR: Cannot read "p.png" (this model does not support image input)')
    seeing = make_model(images=True)
    assert contents(picture, model=seeing) == [MediaContent("image/png", "iVBORw0KGgo=", "p.png")]
    assert contents(picture, model=seeing, media=False) == [TextContent("[Attached image/png: p.png]")]


def test_pictures_of_calls() -> None:
    picture = FilePart(**IDS, mime="image/png", url=PNG, filename="p.png")
    outcome = contents(answer(tool(done("seen", attachments=[picture]))), model=make_model(images=True))[1]
    assert outcome.media == [MediaContent("image/png", "iVBORw0KGgo=", "p.png")]


def test_a_summary_takes_the_place_of_what_went_before() -> None:
    old, wish = user(said("old"), id="msg_0"), user(CompactionPart(**IDS, auto=False), id="msg_c")
    summary = answer(said("sum"), parent_id="msg_c", summary=True, finish="stop")
    new = user(said("new"), id="msg_1")
    assert since_compaction([old, wish, summary, new]) == [wish, summary, new]
    assert contents(*since_compaction([old, wish, summary, new]))[0] == TextContent("What did we do so far?")


def test_an_unfinished_summary_does_not_count() -> None:
    old, wish = user(said("old"), id="msg_0"), user(CompactionPart(**IDS, auto=False), id="msg_c")
    messages = [old, wish, answer(parent_id="msg_c", summary=True)]
    assert since_compaction(messages) == messages


def test_data_urls() -> None:
    assert data_of("data:text/plain;base64,aGk=") == b"hi"
    assert data_of("data:text/plain,a%20b") == b"a b"
    assert data_of("http://x") is None
    assert data_of("data:nothing") is None


def test_what_was_kept_follows_the_summary() -> None:
    old, kept, said_so = user(said("old"), id="msg_0"), user(said("kept"), id="msg_1"), answer(said("so"), id="msg_2")
    wish = user(CompactionPart(**IDS, auto=False, tail_start_id="msg_1"), id="msg_c")
    summary = answer(said("sum"), id="msg_s", parent_id="msg_c", summary=True, finish="stop")
    new = user(said("new"), id="msg_3")
    assert since_compaction([old, kept, said_so, wish, summary, new]) == [wish, summary, kept, said_so, new]
    assert since_compaction([old, wish, summary, new]) == [wish, summary, new]  # it was deleted meanwhile
