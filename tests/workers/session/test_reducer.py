"""The machine from provider events to changes of parts."""

from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oad.contract.message import ReasoningPart, StepStartPart, TextPart, ToolPart, ToolPending
from oad.workers.providers.model import ReasoningDelta, TextDelta, TextEnd, TextStart, ToolInputEnd
from oad.workers.session.reducer import Call, Delta, Effect, Finish, Reducer, Write, merge_deltas

from .fakes import call, finish, text, thought


def make() -> Reducer:
    ids, clock = count(1), count(1000)
    return Reducer("ses_x", "msg_x", mint=lambda prefix: f"{prefix}_{next(ids)}", clock=lambda: next(clock))


def feed(reducer: Reducer, events: list[Any]) -> list[Effect]:
    return [effect for event in events for effect in reducer.feed(event)]


def test_text() -> None:
    start, opened, one, two, closed, end = feed(make(), [*text("a", "b"), *finish()])
    assert isinstance(start, Write) and isinstance(start.part, StepStartPart)
    assert isinstance(opened, Write) and isinstance(opened.part, TextPart) and opened.part.text == ""
    assert isinstance(one, Delta) and isinstance(two, Delta) and one.text + two.text == "ab"
    assert isinstance(closed, Write) and isinstance(closed.part, TextPart)
    assert closed.part.text == "ab" and closed.part.time is not None and closed.part.time.end is not None
    assert closed.part.id == opened.part.id
    assert isinstance(end, Finish) and not end.calls


def test_reasoning_keeps_its_metadata() -> None:
    closed = feed(make(), thought("hm", metadata={"signature": "s"}))[-1]
    assert isinstance(closed, Write) and isinstance(closed.part, ReasoningPart)
    assert closed.part.metadata == {"signature": "s"}


def test_text_and_reasoning_may_share_an_id() -> None:
    reducer = make()
    feed(reducer, [*thought("r", id="0")[:2], *text("t", id="0")[:2]])
    assert sorted(
        (type(part).__name__, part.text)
        for part in reducer.unfinished()
        if not isinstance(part, ToolPart | StepStartPart)
    ) == [
        ("ReasoningPart", "r"),
        ("TextPart", "t"),
    ]


def test_a_call() -> None:
    reducer = make()
    _, pending, ready, end = feed(reducer, [*call("bash", {"command": "x"}), *finish("tool-calls")])
    assert isinstance(pending, Write) and isinstance(pending.part, ToolPart)
    assert pending.part.state == ToolPending(input={}, raw="")
    assert isinstance(ready, Call) and ready.part is pending.part and ready.raw == '{"command":"x"}'
    assert isinstance(end, Finish) and end.calls


def test_what_was_not_announced_is_taken_all_the_same() -> None:
    reducer = make()
    effects = feed(
        reducer, [TextDelta("t", "x"), ReasoningDelta("r", "y"), ToolInputEnd("c", "bash", "{}"), TextEnd("no")]
    )
    kinds = [type(effect).__name__ for effect in effects]
    assert kinds == ["Write", "Write", "Delta", "Write", "Delta", "Write", "Call"]


def test_the_end_closes_what_is_open() -> None:
    effects = feed(make(), [TextStart("t"), TextDelta("t", "x"), *finish()])
    closed = effects[-2]
    assert isinstance(closed, Write) and isinstance(closed.part, TextPart) and closed.part.text == "x"


def test_nothing_begins_before_the_first_event() -> None:
    assert make().unfinished() == []


EVENT = st.sampled_from([*text("a", "b"), *thought("c"), *call("x", {}), *text("d", id="t1"), *finish()])


@given(st.lists(EVENT, max_size=30))
def test_any_order_of_events(events: list[Any]) -> None:
    """Text is neither lost nor doubled, and a cut leaves every text closed."""
    reducer = make()
    effects = feed(reducer, events)
    effects += [Write(part) for part in reducer.unfinished()]
    said = "".join(effect.text for effect in effects if isinstance(effect, Delta))
    last: dict[str, Any] = {e.part.id: e.part for e in effects if isinstance(e, Write)}
    texts = [part for part in last.values() if isinstance(part, TextPart | ReasoningPart)]
    assert sorted("".join(part.text for part in texts)) == sorted(said)
    assert reducer.unfinished() == []


@given(st.lists(EVENT, max_size=30))
def test_merging_deltas_changes_nothing_but_their_number(events: list[Any]) -> None:
    effects = feed(make(), events)
    merged = merge_deltas(effects)

    def summary(effects: list[Effect]) -> list[Any]:
        return [(e.part.id, letter) for e in effects if isinstance(e, Delta) for letter in e.text]

    assert summary(merged) == summary(effects)
    assert [e for e in merged if not isinstance(e, Delta)] == [e for e in effects if not isinstance(e, Delta)]
