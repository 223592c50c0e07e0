"""Ten thousand turns leave little more than what was said in them. OAD_MANY_TURNS=10000 is the full form."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from books import Books, open_books
from records import a_session, a_text, a_tool, a_user, an_answer, of_message, of_part, of_session

from oad.contract.message import CompletedTime, ToolCompleted
from oad.contract.policy import Policy, StoragePolicy
from oad.daemon.journal import Place
from oad.daemon.settings import DaemonSettings
from oad.daemon.store_upkeep import StoreUpkeep

TURNS = int(os.environ.get("OAD_MANY_TURNS", "300"))
SESSIONS = 20
MB = 1 << 20
WORDS = "the quick brown fox jumps over the lazy dog and reads what was written before it goes on "


def text_of(turn: int, size: int) -> str:
    return (f"{turn} {WORDS}" * (size // len(WORDS) + 1))[:size]


def tool_of(id: str, message: str, session: str, output: str) -> Any:
    state = ToolCompleted(
        input={"command": "make"}, output=output, title="make", metadata={"output": output[-2000:], "exit": 0},
        time=CompletedTime(start=1, end=2),
    )  # fmt: skip
    return msgspec.structs.replace(a_tool(id, "completed", message, session), state=state)


def events_of(turn: int, session: str) -> Iterator[tuple[str, Any, bool]]:
    """Those of a turn of two steps, as a worker publishes them, in order: (type, properties, durable)."""
    asked, first, second = (f"msg_{turn:08}{letter}" for letter in "abc")
    status = {"sessionID": session, "status": {"type": "busy"}}
    output = text_of(turn, 50_000 if turn % 50 == 0 else 1500)
    yield "message.updated", of_message(a_user(asked, session, created=turn)), True
    yield "message.part.updated", of_part(a_text(f"prt_{turn}q", asked, text_of(turn, 200), session=session)), True
    for message in (first, second):
        yield "session.updated", of_session(a_session(session)), True
        yield "session.status", status, True
        yield "message.updated", of_message(an_answer(message, session, created=turn)), True
        yield "message.updated", of_message(a_user(asked, session, created=turn)), True
        part = f"prt_{message}1"
        yield "message.part.updated", of_part(a_text(part, message, session=session)), True
        answer = text_of(turn, 1200)
        for start in range(0, len(answer), 30):
            delta = {"sessionID": session, "messageID": message, "partID": part, "field": "text"}
            yield "message.part.delta", {**delta, "delta": answer[start : start + 30]}, False
        yield "message.part.updated", of_part(a_text(part, message, answer, end=2, session=session)), True
        if message == first:
            for state in ("pending", "running"):
                yield "message.part.updated", of_part(a_tool(f"prt_{message}2", state, message, session)), True
            for _ in range(5):
                yield "message.part.updated", of_part(a_tool(f"prt_{message}2", "running", message, session)), False
            yield "message.part.updated", of_part(tool_of(f"prt_{message}2", message, session, output)), True
        for _ in range(2):
            yield "message.updated", of_message(an_answer(message, session, created=turn, completed=turn)), True
    yield "session.status", {"sessionID": session, "status": {"type": "idle"}}, True
    yield "session.idle", {"sessionID": session}, True


async def drive(books: Books, turns: int) -> int:
    """Returns how many durable events that were."""
    for number in range(SESSIONS):
        books.put("session.created", of_session(a_session(f"ses_{number}")), f"ses_{number}")
    durable = 0
    for turn in range(turns):
        session = f"ses_{turn % SESSIONS}"
        place = Place("/p", "global", session)
        for type, properties, lasting in events_of(turn, session):
            encoded = msgspec.json.encode(properties)
            books.turns.observe(type, session, encoded, durable=lasting)
            books.journal.append(type, encoded, place, durable=lasting)
            durable += lasting
        await books.journal.room()
        books.published.clear()
        await trio.lowlevel.checkpoint()
    await books.journal.settled()
    return durable


def on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in path.glob("oad.db*"))


def transcripts(books: Books) -> int:
    """As a client would save them."""
    return sum(books.store.session_bytes(session) for session in books.store.session_times())


@pytest.mark.parametrize("events_mb", [2] if TURNS < 5000 else [16, 256])
async def test_the_store_is_bounded_by_its_transcripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events_mb: int
) -> None:
    free = 4096 if TURNS >= 5000 else 256  # pages that may lie fallow
    monkeypatch.setattr("oad.daemon.store_upkeep._EVERY_S", 0.2)
    monkeypatch.setattr("oad.daemon.store_room._FREE_PAGES", free)
    policy = Policy(storage=StoragePolicy(events_mb=events_mb))
    async with open_books(tmp_path) as books, trio.open_nursery() as nursery:
        upkeep = StoreUpkeep(DaemonSettings(data=tmp_path, runtime=tmp_path, policy=policy), books.store)
        nursery.start_soon(upkeep.run)
        begun = time.monotonic()
        events = await drive(books, TURNS)
        took = time.monotonic() - begun
        peak = on_disk(tmp_path)
        await upkeep.forget_events()
        await upkeep.give_back()
        size, said = on_disk(tmp_path), transcripts(books)
        nursery.cancel_scope.cancel()
    cap = events_mb * MB + free * 4096 + 16 * MB * (TURNS >= 5000) + 8 * MB  # and the log of writes
    print(
        f"\n{TURNS} turns, {events} events in {took:.0f} s, events_mb = {events_mb}: transcripts {said / MB:.1f} MB,"
        f" store {size / MB:.1f} MB (before the last purge {peak / MB:.1f} MB),"
        f" {size / said:.2f} times; without the events {(size - events_mb * MB) / said:.2f}"
    )
    assert said > TURNS * 3000
    assert size <= 3 * said + cap
    assert size - events_mb * MB <= 2 * said + free * 4096 + 8 * MB
