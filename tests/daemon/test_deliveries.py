"""Requests that come again under their key: at the same time, later, after a restart, and what is not the same."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio
from books import Books, open_books
from records import a_session, a_user, an_answer, of_message

from oad.contract.errors import named
from oad.contract.policy import AdmissionPolicy
from oad.contract.wire import Call, Origin
from oad.daemon.deliveries import Deliveries, with_message
from oad.daemon.register import DeliveryKey, Register
from oad.link import Answer


class Scene:
    """A daemon that can be left and begun anew. ``prompt`` stores a message and answers when ``gate`` is open."""

    def __init__(self, books: Books, register: Register) -> None:
        self.books = books
        self.register = register
        self.bodies: list[bytes] = []
        self.gate = trio.Event()
        self.refusal: Exception | None = None
        self.stores = True
        self.restart()

    def restart(self, **rules: int) -> None:
        def read(session: str, message: str) -> bytes:
            return f"{message} as stored".encode()

        self.deliveries = Deliveries(
            self.register, self.books.store, self.books.journal, read, lambda: AdmissionPolicy(**rules)
        )

    async def prompt(self, call: Call, body: bytes) -> Answer:
        self.bodies.append(body)
        if self.refusal is not None:
            raise self.refusal
        message = msgspec.json.decode(body)["messageID"]
        if self.stores:
            self.books.put("message.updated", of_message(a_user(message)))
        await self.gate.wait()
        return Answer(f"answer {len(self.bodies)}".encode())

    async def ask(
        self, key: str = "k", body: bytes = b'{"parts":[]}', op: str = "session.prompt", user: str = ""
    ) -> Answer:
        call = Call(1, op, {"directory": "/p", "sessionID": "ses_a"}, key=key, origin=Origin("x", user=user))
        return await self.deliveries.answer(call, body, self.prompt)

    def message(self) -> str:
        return str(msgspec.json.decode(self.bodies[-1])["messageID"])


@asynccontextmanager
async def scene(path: Path) -> AsyncGenerator[Scene]:
    register = Register(path / "admission.db")
    try:
        async with open_books(path) as books:
            books.sessions.save(a_session(), created=True)
            yield Scene(books, register)
    finally:
        register.close()


async def test_three_deliveries_at_the_same_time_are_one(tmp_path: Path) -> None:
    answers: list[Answer] = []
    async with scene(tmp_path) as s:

        async def deliver() -> None:
            answers.append(await s.ask())

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(deliver)
            await trio.testing.wait_all_tasks_blocked(0.01)
            s.gate.set()
        assert len(s.bodies) == 1
        assert [answer.body for answer in answers] == [b"answer 1"] * 3


@pytest.mark.parametrize("restarted", [False, True])
async def test_one_that_comes_later_gets_the_same_answer(restarted: bool, tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.gate.set()
        first = await s.ask()
        if restarted:
            s.restart()
        assert await s.ask() == first
        assert len(s.bodies) == 1


async def test_the_same_key_for_something_else_is_refused(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.gate.set()
        await s.ask()
        for restart in (False, True):
            if restart:
                s.restart()
            answer = await s.ask(body=b'{"parts":[1]}')
            assert answer.status == 422
            assert b"came with another request" in answer.body
        assert len(s.bodies) == 1


async def test_other_users_and_operations_have_keys_of_their_own(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.gate.set()
        for user, op in (("ann", "session.prompt"), ("bob", "session.prompt"), ("bob", "session.shell")):
            await s.ask(user=user, op=op)
        assert len(s.bodies) == 3


async def test_what_was_refused_before_it_began_may_come_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.gate.set()
        s.refusal = named(429, "LimitError", message="later")
        assert (await s.ask()).status == 429
        s.refusal = None
        assert (await s.ask()).body == b"answer 2"


async def test_what_failed_after_it_began_stays_failed(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.gate.set()

        async def fail(call: Call, body: bytes) -> Answer:
            await s.prompt(call, body)
            raise named(500, "UnknownError", message="no")

        call = Call(1, "session.prompt", {"sessionID": "ses_a"}, key="k")
        answers = [await s.deliveries.answer(call, b"{}", fail) for _ in range(2)]
        assert [answer.status for answer in answers] == [500, 500]
        assert len(s.bodies) == 1


async def interrupt(s: Scene, op: str = "session.prompt", body: bytes = b"{}") -> None:
    """The daemon ends over it, without a word."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(s.ask, "k", body, op)
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()
    await s.books.journal.settled()
    s.restart()
    s.gate.set()


async def test_one_that_was_interrupted_is_answered_with_what_it_left(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await interrupt(s)
        answer = an_answer("msg_z", created=9, completed=10, parent=s.message())
        s.books.put("message.updated", of_message(answer))
        assert await s.ask(body=b"{}") == Answer(b"msg_z as stored")
        assert len(s.bodies) == 1


@pytest.mark.parametrize(
    ("op", "body", "status", "text"),
    [
        ("session.prompt", b"{}", 409, b"Interrupted by a restart"),
        ("session.prompt_async", b"{}", 204, b""),
        ("session.prompt", b'{"noReply":true}', 200, b"as stored"),
    ],
)
async def test_one_that_left_no_answer(op: str, body: bytes, status: int, text: bytes, tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await interrupt(s, op, body)
        for _ in range(2):
            answer = await s.ask(op=op, body=body)
            assert (answer.status, text in answer.body) == (status, True)
        assert len(s.bodies) == 1


async def test_one_that_never_began_begins(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.stores = False
        await interrupt(s)
        assert (await s.ask(body=b"{}")).body == b"answer 2"


async def test_other_operations_are_remembered_while_the_daemon_lives(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def create(call: Call, body: bytes) -> Answer:
        asked.append(body)
        await trio.lowlevel.checkpoint()
        return Answer(b"%d" % len(asked), 503 if body == b"fail" else 200)

    async with scene(tmp_path) as s:
        call = Call(1, "session.create", {}, key="k")
        assert [(await s.deliveries.answer(call, b"{}", create)).body for _ in range(2)] == [b"1", b"1"]
        assert (await s.deliveries.answer(call, b"other", create)).status == 422
        read = msgspec.structs.replace(call, origin=Origin("x", method="GET"))
        assert (await s.deliveries.answer(read, b"{}", create)).body == b"2"
        failing = msgspec.structs.replace(call, key="l")
        assert [(await s.deliveries.answer(failing, b"fail", create)).body for _ in range(2)] == [b"3", b"4"]
        for number in range(1100):
            await s.deliveries.answer(msgspec.structs.replace(call, key=f"n{number}"), b"{}", create)
        assert len(s.deliveries._known) == 1024


async def test_a_caller_who_left_leaves_the_key_to_the_next(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        call, begun = Call(1, "session.create", {}, key="k"), list[int]()

        async def wait(call: Call, body: bytes) -> Answer:
            begun.append(1)
            await s.gate.wait()
            return Answer(b"done")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(s.deliveries.answer, call, b"", wait)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        s.gate.set()
        assert (await s.deliveries.answer(call, b"", wait)).body == b"done"
        assert len(begun) == 2


async def test_a_disk_that_takes_nothing_refuses_what_has_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*values: object) -> None:
        await trio.lowlevel.checkpoint()
        raise sqlite3.OperationalError("database or disk is full")

    async with scene(tmp_path) as s:
        monkeypatch.setattr(s.register, "begin", fail)
        assert (await s.ask()).status == 507
        assert s.bodies == []


async def test_old_answers_are_forgotten(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        s.gate.set()
        s.restart(idempotency_keys=5)
        for number in range(100):
            await s.ask(f"k{number}")
        kept = [n for n in range(100) if await s.register.find(DeliveryKey("", "session.prompt", f"k{n}"))]
        assert len(kept) in range(5, 12)  # several may be of one millisecond
        assert kept[-1] == 99


def test_the_id_of_the_message_is_laid_down() -> None:
    assert msgspec.json.decode(with_message(b'{"a": [1.50], "messageID": "x"}', "m")) == {"a": [1.5], "messageID": "m"}
    assert with_message(b"[1]", "m") == b"[1]"
