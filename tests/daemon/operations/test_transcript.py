"""What a worker keeps from turn to turn is what the store has, whatever it, its clients and its aborts did."""

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import trio
from books import Books, open_books
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import a_session, a_text, a_user, an_answer

from oad.contract.message import MessageWithParts, TextPart
from oad.daemon.operations.transcript import read_transcript
from oad.workers.session.conversation import Conversation
from oad.workers.session.turn_source import TurnSource

MESSAGES, PARTS = [f"msg_{n}" for n in range(2)], [f"prt_{n}" for n in range(2)]
KINDS = (
    "message",
    "part",
    "volatile part",
    "unpublished part",
    "unpublished message",
    "remove message",
    "remove parts",
    "session",
)
acts = st.tuples(st.sampled_from(KINDS), st.sampled_from(MESSAGES), st.sampled_from(PARTS), st.text("ab", max_size=2))
rounds = st.lists(st.tuples(st.lists(acts, max_size=6), st.lists(acts, max_size=3), st.booleans()), max_size=6)


class Daemon:
    """The worker's link, which leads right into the books."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.told: list[int] = []  # messages in each answer

    async def publish(self, type: str, properties: Any, *, durable: bool = True) -> None:
        if durable:
            self.books.put(type, properties)

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        await self.books.journal.settled()
        since = int(params["since"]) if "since" in params else None
        transcript = read_transcript(self.services, "ses_a", since)
        self.told.append(len(transcript.placed))
        return msgspec.json.encode({"session": a_session(), **msgspec.structs.asdict(transcript)})

    @property
    def services(self) -> Any:
        return SimpleNamespace(store=self.books.store, turns=self.books.turns)

    async def everything(self) -> list[MessageWithParts]:
        await self.books.journal.settled()
        whole = read_transcript(self.services, "ses_a", None)
        return msgspec.json.decode(whole.messages, type=list[MessageWithParts])


def a_part(id: str, message: str, text: str) -> TextPart:
    return TextPart(id=f"{id}_{message}", session_id="ses_a", message_id=message, text=text)


async def act(conversation: Conversation, kind: str, message: str, part: str, text: str) -> None:
    """As a turn does it; some of it is never published, as after an abort."""
    known = conversation.find(message) is not None
    if kind == "message" or not known:
        created = conversation.next_moment()
        await conversation.put_message(
            a_user(message, created=created) if text < "b" else an_answer(message, created=created)
        )
    elif kind == "part":
        await conversation.put_part(a_part(part, message, text))
    elif kind == "volatile part":
        await conversation.show_part(a_part(part, message, text))
    elif kind == "unpublished part":
        conversation.place_part(a_part(part, message, text))
    elif kind == "unpublished message":
        conversation.place(an_answer(message, completed=9))
    elif kind == "remove message":
        await conversation.remove_message(message)
    elif kind == "remove parts":
        await conversation.remove_parts_from(message, f"{part}_{message}")


def act_outside(books: Books, kind: str, message: str, part: str, text: str) -> None:
    """As clients do it between turns."""
    named = {"sessionID": "ses_a", "messageID": message}
    if kind == "remove message":
        books.put("message.removed", named)
    elif kind == "remove parts":
        books.put("message.part.removed", {**named, "partID": f"{part}_{message}"})
    elif kind == "session":
        books.put("session.updated", {"sessionID": "ses_a", "info": a_session(title=text)})
    elif books.store.message("ses_a", message) is not None:
        books.put("message.part.updated", {"sessionID": "ses_a", "part": a_part(part, message, text), "time": 1})


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(rounds)
def test_the_workers_view_equals_the_stores(todo: list[Any]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as place:
            async with open_books(Path(place)) as books:
                daemon = Daemon(books)
                source = TurnSource(daemon, "ses_a")
                for inside, outside, pruned in todo:
                    start = await source.fetch()
                    assert start.messages == await daemon.everything()
                    conversation = Conversation(daemon, a_session(), start.messages)
                    for each in inside:
                        await act(conversation, *each)
                    await books.journal.settled()
                    for each in outside:
                        act_outside(books, *each)
                    await books.journal.settled()
                    if pruned:
                        books.store.prune_events(2)
                assert (await source.fetch()).messages == await daemon.everything()

    trio.run(run)


async def test_only_what_has_changed_is_told(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        daemon = Daemon(books)
        source = TurnSource(daemon, "ses_a")
        for n in range(50):
            books.put("message.updated", {"sessionID": "ses_a", "info": a_user(f"msg_{n:02}", created=n)})
        await source.fetch()
        books.put("message.part.updated", {"sessionID": "ses_a", "part": a_text("prt_1", "msg_07", "x"), "time": 1})
        books.put("message.removed", {"sessionID": "ses_a", "messageID": "msg_09"})
        start = await source.fetch()
        assert daemon.told == [50, 1]
        assert [message.info.id for message in start.messages] == [f"msg_{n:02}" for n in range(50) if n != 9]
        assert start.messages[7].parts == [a_text("prt_1", "msg_07", "x")]


async def test_a_message_sent_again_keeps_its_place(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        daemon = Daemon(books)
        source = TurnSource(daemon, "ses_a")
        for n, id in enumerate(("msg_a", "msg_b")):
            books.put("message.updated", {"sessionID": "ses_a", "info": a_user(id, created=n)})
        await source.fetch()
        books.put("message.updated", {"sessionID": "ses_a", "info": a_user("msg_a", created=9)})
        assert [message.info.id for message in (await source.fetch()).messages] == ["msg_a", "msg_b"]
        assert (await source.fetch()).messages == await daemon.everything()


async def test_events_that_are_forgotten_cost_a_whole_reading(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        daemon = Daemon(books)
        source = TurnSource(daemon, "ses_a")
        for n in range(5):
            books.put("message.updated", {"sessionID": "ses_a", "info": a_user(f"msg_{n}", created=n)})
        await source.fetch()
        for n in range(5, 9):
            books.put("message.updated", {"sessionID": "ses_a", "info": a_user(f"msg_{n}", created=n)})
        await books.journal.settled()
        books.store.prune_events(1)
        assert len((await source.fetch()).messages) == 9
        assert daemon.told == [5, 9]
