from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from books import Books, open_books
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import a_session, a_text, a_thought, a_tool, an_answer, of_message, of_part

from oad.contract.message import Part, ReasoningPart, TextPart
from oad.daemon.closing import aborted
from oad.daemon.sessions import place_of

BUSY, IDLE = {"type": "busy"}, {"type": "idle"}


def delta(part: str, text: str, field: str = "text") -> bytes:
    properties = {"sessionID": "ses_a", "messageID": "msg_2", "partID": part, "field": field, "delta": text}
    return msgspec.json.encode(properties)


def status(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"sessionID": "ses_a", "status": value})


async def test_status_is_known_while_it_is_not_idle(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.turns.observe("session.status", "ses_a", status(BUSY), durable=True)
        assert books.turns.busy("ses_a")
        assert books.turns.statuses == {"ses_a": BUSY}
        books.turns.observe("session.status", "ses_a", status(IDLE), durable=True)
        assert not books.turns.busy("ses_a")
        assert books.turns.statuses == {}


async def test_closing_without_anything_open_says_nothing(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        session = books.sessions.save(a_session(), created=True)
        await books.journal.settled()
        assert books.turns.close(session, aborted()) is False
        await books.journal.settled()
        assert books.types() == ["session.created"]


async def test_closing_a_busy_session_ends_with_idle(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        session = books.sessions.save(a_session(), created=True)
        books.turns.observe("session.status", "ses_a", status(BUSY), durable=True)
        await books.journal.settled()
        assert books.turns.close(session, aborted()) is True
        await books.journal.settled()
        assert books.types()[1:] == ["session.error", "session.status", "session.idle"]
        assert not books.turns.busy("ses_a")


async def test_only_of_an_idle_session_it_is_repeated_that_it_is(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        session = books.sessions.save(a_session(), created=True)
        books.turns.observe("session.status", "ses_a", status(BUSY), durable=True)
        books.turns.repeat_status(session)
        await books.journal.settled()
        assert books.types() == ["session.created"]
        books.turns.observe("session.status", "ses_a", status(IDLE), durable=True)
        books.turns.repeat_status(session)
        await books.journal.settled()
        assert books.of_type("session.status") == [{"sessionID": "ses_a", "status": IDLE}]
        assert books.types()[1:] == ["session.status", "session.idle"]


async def test_the_output_of_a_running_tool_is_kept_though_it_was_never_journalled(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        session = books.sessions.save(a_session(), created=True)
        books.put("message.updated", of_message(an_answer()))
        books.put("message.part.updated", of_part(a_tool("prt_1", "pending")))
        newer = msgspec.json.encode(of_part(a_tool("prt_1", "running")))
        books.turns.observe("message.part.updated", "ses_a", newer, durable=False)
        await books.journal.settled()
        assert b'"so far"' in books.turns.latest("ses_a", "prt_1", b"")
        books.turns.close(session, aborted())
        await books.journal.settled()
        assert b'"so far"' in (books.store.part("ses_a", "prt_1") or b"")
        assert books.turns.latest("ses_a", "prt_1", b"stored") == b"stored"


async def test_a_recorded_text_is_not_doubled_by_what_streamed_of_it(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        session = books.sessions.save(a_session(), created=True)
        books.put("message.updated", of_message(an_answer()))
        books.put("message.part.updated", of_part(a_text(text="")))
        books.turns.observe("message.part.delta", "ses_a", delta("prt_1", "ab"), durable=False)
        books.put("message.part.updated", of_part(a_text(text="ab")))
        books.turns.observe("message.part.delta", "ses_a", delta("prt_1", "cd"), durable=False)
        books.turns.observe("message.part.delta", "ses_a", delta("prt_1", "zz", field="other"), durable=False)
        await books.journal.settled()
        books.turns.close(session, aborted())
        await books.journal.settled()
        part = msgspec.json.decode(books.store.part("ses_a", "prt_1") or b"", type=TextPart)
        assert part.text == "abcd"


async def test_what_streams_is_remembered_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.daemon.turns._MAX_STREAMED", 1000)
    async with open_books(tmp_path) as books:
        for number in range(2000):
            books.turns.observe("message.part.delta", "ses_a", delta("prt_1", f"{number:05}"), durable=False)
        kept = books.turns._streamed["ses_a"]["prt_1"]
        assert kept.text() == "".join(f"{number:05}" for number in range(200))
        assert len(kept._pieces) <= 513
        # The next turn starts from nothing.
        books.turns.observe("session.status", "ses_a", status(BUSY), durable=True)
        assert "ses_a" not in books.turns._streamed


_parts: st.SearchStrategy[list[Part]] = st.lists(
    st.one_of(
        st.tuples(st.just("text"), st.text(max_size=5), st.booleans()),
        st.tuples(st.just("thought"), st.text(max_size=5), st.booleans()),
        st.tuples(st.sampled_from(["pending", "running", "completed"]), st.just(""), st.just(False)),
    ),
    max_size=5,
).map(lambda rows: [_part(number, *row) for number, row in enumerate(rows)])


def _part(number: int, kind: str, text: str, ended: bool) -> Part:
    id, end = f"prt_{number}", 2 if ended else None
    if kind == "text":
        return a_text(id, text=text, end=end)
    return a_thought(id, text=text, end=end) if kind == "thought" else a_tool(id, kind)


@given(
    messages=st.lists(st.tuples(st.booleans(), _parts), max_size=4),
    streams=st.dictionaries(st.integers(0, 4), st.lists(st.text(min_size=1, max_size=4), max_size=3)),
    busy=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_closing_nothing_is_open_and_no_text_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    messages: list[tuple[bool, list[Part]]],
    streams: dict[int, list[str]],
    busy: bool,
) -> None:
    async def main() -> None:
        async with open_books(tmp_path_factory.mktemp("turns")) as books:
            expected = await _lay_out(books, messages, streams)
            session = books.sessions.find("ses_a")
            if busy:
                books.turns.observe("session.status", "ses_a", status(BUSY), durable=True)
                # A turn's status comes before its deltas; here it must not wipe them.
                for part, pieces in expected.streamed.items():
                    for piece in pieces:
                        books.turns.observe("message.part.delta", "ses_a", delta(part, piece), durable=False)
            await books.journal.settled()
            books.turns.close(session, aborted())
            await books.journal.settled()
            assert books.store.open_sessions() == []
            assert not books.turns.busy("ses_a")
            for _, id, data in books.store.parts("ses_a"):
                part = msgspec.json.decode(data, type=Part)
                if isinstance(part, TextPart | ReasoningPart):
                    assert part.text == expected.texts[id]

    trio.run(main)


class _Expected(msgspec.Struct):
    texts: dict[str, str]
    streamed: dict[str, list[str]]


async def _lay_out(books: Books, messages: list[tuple[bool, list[Part]]], streams: dict[int, list[str]]) -> _Expected:
    """Stores the messages; every open text gets what ``streams`` has for its number."""
    books.sessions.save(a_session(), created=True)
    expected = _Expected({}, {})
    for number, (ended, parts) in enumerate(messages):
        books.put("message.updated", of_message(an_answer(f"msg_{number}", completed=3 if ended else None)))
        for index, part in enumerate(parts):
            part = msgspec.structs.replace(part, id=f"prt_{number}_{index}", message_id=f"msg_{number}")
            books.put("message.part.updated", of_part(part))
            if not isinstance(part, TextPart | ReasoningPart):
                continue
            still_open = part.time is not None and part.time.end is None
            pieces = streams.get(index, []) if still_open else []
            for piece in pieces:
                books.turns.observe("message.part.delta", "ses_a", delta(part.id, piece), durable=False)
            expected.texts[part.id] = part.text + "".join(pieces)
            expected.streamed[part.id] = pieces
    assert place_of(books.sessions.find("ses_a")).session == "ses_a"
    return expected
