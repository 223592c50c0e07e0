from oad.workers.providers.demo import Demo, make_title
from oad.workers.providers.model import (
    ChatMessage,
    Endpoint,
    ModelRequest,
    ProviderEvent,
    StepFinish,
    TextContent,
    TextDelta,
    TextEnd,
    TextStart,
    ToolInputEnd,
    ToolOutcome,
    ToolSpec,
    ToolUse,
)

from .samples import request, texts

TOOLS = [ToolSpec(name, "", {}) for name in ("bash", "glob", "read", "write", "todowrite", "question")]


def asked(*messages: ChatMessage, **changes: object) -> ModelRequest:
    endpoint = Endpoint(protocol="demo")
    options = {"wordDelay": 0}
    return request(*messages, **{"endpoint": endpoint, "tools": TOOLS, "options": options, **changes})


async def answer(*messages: ChatMessage, **changes: object) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []

    async def emit(event: ProviderEvent) -> None:
        events.append(event)

    await Demo().stream(asked(*messages, **changes), emit)
    return events


def user(text: str) -> ChatMessage:
    return ChatMessage("user", [TextContent(text)])


async def test_it_says_what_it_is_and_how_to_get_a_real_model() -> None:
    events = await answer(user("Hello"))
    said = texts(events)["TextDelta"]
    assert "demo" in said and "opencode.json" in said and "API_KEY" in said
    assert isinstance(events[0], TextStart) and isinstance(events[-2], TextEnd)
    last = events[-1]
    assert isinstance(last, StepFinish) and last.reason == "stop"
    assert last.tokens.input > 0 and last.tokens.output > 10


async def test_it_streams_word_by_word(autojump_clock: object) -> None:
    events = await answer(user("Hello"), options={})
    assert len([event for event in events if isinstance(event, TextDelta)]) > 50


async def test_it_calls_a_tool_and_comments_on_the_outcome() -> None:
    events = await answer(user("run ls -l"))
    ends = [event for event in events if isinstance(event, ToolInputEnd)]
    assert [(end.name, end.raw) for end in ends] == [("bash", '{"command":"ls -l","description":"Runs ls -l"}')]
    assert isinstance(events[-1], StepFinish) and events[-1].reason == "tool-calls"
    use = ToolUse(ends[0].id, "bash", {"command": "ls -l"})
    after = await answer(
        user("run ls -l"),
        ChatMessage("assistant", [use]),
        ChatMessage("tool", [ToolOutcome(use.id, "bash", "a.txt\nb.txt\n")]),
    )
    assert "2 lines" in texts(after)["TextDelta"] and "a.txt" in texts(after)["TextDelta"]
    assert isinstance(after[-1], StepFinish) and after[-1].reason == "stop"


async def test_ids_of_calls_differ_between_steps() -> None:
    first = await answer(user("run ls"))
    later = await answer(user("run ls"), ChatMessage("assistant", [TextContent("x")]), user("run ls"))
    ids = [event.id for event in first + later if isinstance(event, ToolInputEnd)]
    assert len(set(ids)) == 2


async def test_it_answers_alike() -> None:
    assert await answer(user("todo one, two")) == await answer(user("todo one, two"))


async def test_a_tool_that_is_not_offered() -> None:
    assert "bash" in texts(await answer(user("run ls"), tools=[TOOLS[1]]))["TextDelta"]


async def test_titles_and_summaries() -> None:
    title = await answer(user("please fix the parser in src"), tools=[], system=["You write a title."])
    assert texts(title)["TextDelta"] == "Please fix the parser in src"
    summary = await answer(user("fix it"), tools=[], system=["Write a summary."])
    assert "fix it" in texts(summary)["TextDelta"]


def test_titles_are_short() -> None:
    assert len(make_title("word " * 40)) <= 50
    assert make_title("x" * 200) == "X" + "x" * 49
    assert make_title("") == "Demo"
