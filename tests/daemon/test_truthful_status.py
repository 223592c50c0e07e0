"""``busy`` exactly when a run executes, in ten thousand random steps of the daemon's books: what workers say, how they
end (also in the middle of saying it), deletions, and daemons that are killed."""

import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from books import Books, open_books
from records import a_session, an_answer, of_message

from oad.contract.wire import Event
from oad.contract.worker import WorkerSpec
from oad.daemon.lifecycle import End, State

STEPS = 10_000
SESSIONS = ("ses_a", "ses_b", "ses_c", "ses_d")


class Life:
    def __init__(self) -> None:
        self.state, self.end, self.status, self.abnormal = State.SERVING, End.CRASHED, -9, True


class Teller:
    """A session's worker as its books see it. ``runs``: it is in a turn."""

    def __init__(self, session: str) -> None:
        self.spec = WorkerSpec("session", session, "/p", "", "", [])
        self.life = Life()
        self.facts: dict[str, Any] = {}
        self.leaving = False
        self.runs = False


class Walk:
    """``told`` is what a client has read from events, ever since the first daemon."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.steps: Counter[str] = Counter()
        self.workers: dict[str, Teller] = {}
        self.told: dict[str, str] = {}
        self._read = 0

    async def step(self, books: Books) -> None:
        actions = (self.begin, self.begin, self.retry, self.stream, self.answer, self.finish, self.finish, self.crash)
        action = self.chance.choices((*actions, self.delete), (*(1.0 for _ in actions), 0.3))[0]
        self.steps[action.__name__] += 1
        session = self.chance.choice(SESSIONS)
        await action(books, session)
        for each in SESSIONS:
            assert books.keeper.busy(each) == self.runs(each), (action.__name__, session, each)

    def runs(self, session: str) -> bool:
        return session in self.workers and self.workers[session].runs

    async def check_events(self, books: Books) -> None:
        """A quiescent point: everything that was said is committed and told."""
        await books.journal.settled()
        for event in books.published[self._read :]:
            self.hear(event.type, msgspec.json.decode(event.body)["properties"])
        self._read = len(books.published)
        for session in SESSIONS:
            assert (self.told.get(session, "idle") != "idle") == self.runs(session), session

    def hear(self, type: str, properties: Any) -> None:
        session = properties.get("sessionID", "")
        if type == "session.status":
            self.told[session] = properties["status"]["type"]
        elif type == "session.idle":
            assert self.told[session] == "idle"
        elif type == "session.deleted":
            self.told.pop(session, None)
        elif type == "message.part.delta":
            assert self.told.get(session, "idle") != "idle"

    # --- steps --------------------------------------------------------------------------------------------------------

    async def say(self, books: Books, worker: Teller, type: str, properties: Any, *, durable: bool = True) -> None:
        event = Event(type, worker.spec.name, durable)
        await books.keeper.on_event(worker, event, msgspec.json.encode(properties))  # type: ignore[arg-type]

    async def status(self, books: Books, worker: Teller, type: str) -> None:
        session = worker.spec.name
        await self.say(books, worker, "session.status", {"sessionID": session, "status": {"type": type}})

    async def begin(self, books: Books, session: str) -> None:
        """Also of a turn that another prompt joins."""
        worker = self.workers.setdefault(session, Teller(session))
        await self.status(books, worker, "busy")
        worker.runs = True

    async def retry(self, books: Books, session: str) -> None:
        if self.runs(session):
            await self.status(books, self.workers[session], "retry")

    async def stream(self, books: Books, session: str) -> None:
        if self.runs(session):
            delta = {"sessionID": session, "messageID": "msg_2", "partID": "prt_1", "field": "text", "delta": "x"}
            await self.say(books, self.workers[session], "message.part.delta", delta, durable=False)

    async def answer(self, books: Books, session: str) -> None:
        """An answer is begun, or completed: between two of them nothing in the store is open."""
        if self.runs(session):
            completed = self.chance.choice([None, 3])
            info = of_message(an_answer("msg_2", session, completed=completed))
            await self.say(books, self.workers[session], "message.updated", info)

    async def finish(self, books: Books, session: str) -> None:
        if self.runs(session):
            worker = self.workers[session]
            await self.say(books, worker, "message.updated", of_message(an_answer("msg_2", session, completed=3)))
            await self.status(books, worker, "idle")
            await self.say(books, worker, "session.idle", {"sessionID": session})
            worker.runs = False

    async def crash(self, books: Books, session: str) -> None:
        """What it had still in the pipe comes before or after its end is noticed."""
        worker = self.workers.get(session)
        if worker is None:
            return
        worker.leaving, worker.life.state = True, State.KILLING
        await self.late_words(books, worker)
        await books.keeper.worker_ended(worker)  # type: ignore[arg-type]
        del self.workers[session]
        await self.late_words(books, worker)

    async def late_words(self, books: Books, worker: Teller) -> None:
        await self.status(books, worker, self.chance.choice(["busy", "idle", "retry"]))

    async def delete(self, books: Books, session: str) -> None:
        await self.crash(books, session)
        books.turns.forget(session)
        books.sessions.delete(books.sessions.find(session))
        await books.journal.settled()
        books.sessions.save(a_session(session), created=True)

    def daemon_died(self) -> None:
        self.workers.clear()
        self._read = 0


@asynccontextmanager
async def daemon(path: Path, walk: Walk) -> AsyncGenerator[Books]:
    async with open_books(path) as books:
        for session in SESSIONS:
            if not books.sessions.exists(session):
                books.sessions.save(a_session(session), created=True)
        await books.keeper.recover()
        walk.daemon_died()
        yield books


async def test_ten_thousand_steps(tmp_path: Path) -> None:
    walk = Walk(random.Random(20))
    while walk.steps.total() < STEPS:
        async with daemon(tmp_path, walk) as books:
            await walk.check_events(books)
            for _ in range(walk.chance.randrange(100, 1500)):
                await walk.step(books)
                if walk.chance.random() < 0.1:
                    await walk.check_events(books)
            await walk.check_events(books)
    assert min(walk.steps.values()) > 100, walk.steps
