from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from oad.workers.exec import Outcome, ProgramEnded
from oad.workers.lsp.connection import Connection, RequestFailed, ServerLost
from oad.workers.lsp.framing import Framer, frame


class Peer:
    """A program whose side of the conversation the test plays."""

    def __init__(self) -> None:
        self._say, self._said = trio.open_memory_channel[bytes](1000)
        self._framer = Framer()
        self.heard: list[Any] = []
        self.news = trio.Event()
        self.ended = False
        self.blocked = False

    def say(self, **message: Any) -> None:
        self._say.send_nowait(frame(msgspec.json.encode({"jsonrpc": "2.0", **message})))

    async def hear(self, number: int) -> Any:
        while len(self.heard) < number:
            await self.news.wait()
        return self.heard[number - 1]

    async def read(self) -> bytes:
        try:
            return await self._said.receive()
        except trio.EndOfChannel:
            return b""

    async def write(self, data: bytes) -> None:
        if self.ended:
            raise ProgramEnded("it is dead")
        if self.blocked:
            await trio.sleep_forever()
        self.heard += [msgspec.json.decode(each) for each in self._framer.feed(data)]
        self.news.set()
        self.news = trio.Event()
        await trio.lowlevel.checkpoint()

    def close_input(self) -> None: ...

    def complaints(self) -> str:
        return "out of memory\n" if self.ended else ""

    async def wait(self) -> Outcome:
        return Outcome(0)

    async def end(self, grace_s: float = 0.2) -> None:
        self.ended = True
        self._say.close()
        await trio.lowlevel.checkpoint()


class Talk:
    def __init__(self) -> None:
        self.peer = Peer()
        self.notified: list[str] = []
        self.lost = ""
        self.connection = Connection(self.peer, lambda method, _: self.notified.append(method), self._answer)

    def _answer(self, method: str, params: msgspec.Raw) -> Any:
        return {"known/one": "yes"}[method]

    async def run(self) -> None:
        try:
            await self.connection.run()
        except ServerLost as error:
            self.lost = str(error)

    async def ask(self, timeout_s: float = 5) -> Any:
        return msgspec.json.decode(await self.connection.request("q", {}, timeout_s=timeout_s))


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    talk = Talk()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.run)
        yield talk
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def beside(task: Callable[[], Any]) -> AsyncGenerator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task)
        yield


async def test_answers_find_their_questions_in_any_order(talk: Talk) -> None:
    answers = list[Any]()

    async def ask() -> None:
        answers.append(await talk.ask())

    async with beside(ask), beside(ask):
        assert [(await talk.peer.hear(number))["id"] for number in (1, 2)] == [1, 2]
        talk.peer.say(id=99, result="nobody asked")
        talk.peer.say(id=2, result="second")
        talk.peer.say(method="a/b", params={})
        talk.peer.say(id=1, result=None)
    assert sorted(answers, key=str) == [None, "second"]
    assert talk.notified == ["a/b"]


async def test_errors_and_silence(talk: Talk) -> None:
    async def ask() -> None:
        with pytest.raises(RequestFailed, match="no such thing"):
            await talk.ask()

    async with beside(ask):
        await talk.peer.hear(1)
        talk.peer.say(id=1, error={"code": 1, "message": "no such thing"})
    with pytest.raises(RequestFailed, match="no answer"):
        await talk.ask(timeout_s=0.01)
    assert (await talk.peer.hear(3))["method"] == "$/cancelRequest"


async def test_its_own_questions(talk: Talk) -> None:
    talk.peer.say(id="s1", method="known/one", params={})
    assert (await talk.peer.hear(1))["result"] == "yes"
    talk.peer.say(id=7, method="unknown")
    assert (await talk.peer.hear(2))["error"]["code"] == -32601


async def test_the_end_reaches_everybody(talk: Talk) -> None:
    async def ask() -> None:
        with pytest.raises(ServerLost, match="out of memory"):
            await talk.ask()

    async with beside(ask):
        await talk.peer.hear(1)
        await talk.peer.end()
    with pytest.raises(ServerLost):
        talk.connection.notify("x", {})
    assert talk.lost == "out of memory"


async def test_one_that_takes_nothing_is_given_up(talk: Talk) -> None:
    talk.peer.blocked = True
    with pytest.raises(ServerLost, match="does not take"):
        for _ in range(1000):
            talk.connection.notify("x", {})
    while not talk.lost:
        await trio.lowlevel.checkpoint()
    assert talk.peer.ended
