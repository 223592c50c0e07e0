"""A terminal's websocket, between a client and a daemon that only pretend."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from oad.contract.errors import unavailable
from oad.contract.wire import STREAM_PIECE, Data, Frame, Origin, Reply
from oad.gateway.auth import WHO
from oad.gateway.terminal_socket import PATH, TerminalSocket, note_ticket
from oad.link import StreamEnd

Play = Callable[[StreamEnd], Awaitable[Reply]]


class Link:
    """``play`` is what the daemon does with the stream of the one call."""

    def __init__(self, play: Play) -> None:
        self.params: dict[str, str] = {}
        self.origin: Origin | None = None
        self.typed: list[bytes] = []
        self._play = play

    async def call(self, op: str, params: dict[str, str], *, origin: Origin, stream: StreamEnd) -> tuple[Reply, bytes]:
        assert op == "pty.attach"
        self.params, self.origin = params, origin
        stream.open(1, self._send)
        try:
            return await self._play(stream), b"{}"
        finally:
            stream.close()

    async def _send(self, frame: Frame, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if isinstance(frame, Data):
            self.typed.append(body)


class Client:
    """``sent`` is what the server has said; ``say`` is what comes from the client."""

    def __init__(self, play: Play, query: bytes = b"", path: str = "/pty/pty_a/connect") -> None:
        self.sent: list[dict[str, Any]] = []
        self.link = Link(play)
        self.stopping = trio.Event()
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": query,
            "headers": [],
            "client": ("127.0.0.1", 1),
            WHO: "alice (basic)",
        }
        self._say, self._said = trio.open_memory_channel[dict[str, Any]](10)
        self.say({"type": "websocket.connect"})

    def say(self, message: dict[str, Any]) -> None:
        self._say.send_nowait(message)

    async def run(self) -> None:
        link: Any = self.link
        await TerminalSocket(link, self.stopping)(self.scope, self._said.receive, self._send)

    async def _send(self, message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)

    @property
    def types(self) -> list[str]:
        return [message["type"].removeprefix("websocket.") for message in self.sent]


async def show_and_end(stream: StreamEnd) -> Reply:
    stream.take(Data(1), "wäs\r\n".encode())
    stream.take(Data(1, cursor=5), b"")
    await trio.testing.wait_all_tasks_blocked()
    return Reply(1, 200)


async def show_for_ever(stream: StreamEnd) -> Reply:
    stream.take(Data(1, cursor=0), b"")
    await trio.sleep_forever()
    raise AssertionError


async def test_output_is_text_and_the_cursor_binary() -> None:
    client = Client(show_and_end)
    await client.run()
    assert client.sent == [
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": "wäs\r\n"},
        {"type": "websocket.send", "bytes": b'\0{"cursor":5}'},
        {"type": "websocket.close", "code": 1000},
    ]
    assert client.link.params == {"ptyID": "pty_a"}
    assert client.link.origin == Origin("alice (basic)", "127.0.0.1", "CONNECT")


@pytest.mark.parametrize("status", [403, 404])
async def test_an_answer_instead_of_output_is_a_refusal(status: int) -> None:
    async def refuse(stream: StreamEnd) -> Reply:
        await trio.lowlevel.checkpoint()
        return Reply(1, status)

    client = Client(refuse)
    await client.run()
    assert client.types == ["http.response.start", "http.response.body"]
    assert (client.sent[0]["status"], client.sent[1]["body"]) == (status, b"")


async def test_without_a_daemon_it_is_refused_or_broken_off() -> None:
    async def lose_at_once(stream: StreamEnd) -> Reply:
        await trio.lowlevel.checkpoint()
        raise unavailable("gone")

    async def lose(stream: StreamEnd) -> Reply:
        await show_and_end(stream)
        raise unavailable("gone")

    refused, broken = Client(lose_at_once), Client(lose)
    await refused.run()
    assert refused.sent[0]["status"] == 503
    await broken.run()
    assert broken.sent[-1] == {"type": "websocket.close", "code": 1012}


async def test_what_is_typed_goes_on_in_pieces() -> None:
    client = Client(show_for_ever)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        await trio.testing.wait_all_tasks_blocked()
        client.say({"type": "websocket.receive", "text": "lä\n", "bytes": None})
        client.say({"type": "websocket.receive", "text": None, "bytes": b"\x03" * (STREAM_PIECE + 1)})
        await trio.testing.wait_all_tasks_blocked()
        assert [len(piece) for piece in client.link.typed] == [4, STREAM_PIECE, 1]
        client.say({"type": "websocket.disconnect"})


async def test_typing_waits_for_the_program() -> None:
    client = Client(show_for_ever)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(8):
            client.say({"type": "websocket.receive", "text": "x" * STREAM_PIECE})
        await trio.testing.wait_all_tasks_blocked()
        assert len(client.link.typed) == 4
        nursery.cancel_scope.cancel()


async def test_a_gateway_that_stops_asks_to_come_again() -> None:
    client = Client(show_for_ever)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        await trio.testing.wait_all_tasks_blocked()
        client.stopping.set()
    assert client.sent[-1] == {"type": "websocket.close", "code": 1012}


@pytest.mark.parametrize(
    ("query", "params"),
    [
        (b"cursor=12&directory=%2Fp", {"cursor": "12"}),
        (b"cursor=", {"cursor": ""}),
        (b"ticket=abc", {"ticket": "abc"}),
        (b"ticket=", {"ticket": ""}),
        (b"ticket", {"ticket": ""}),
    ],
)
async def test_what_the_query_says(query: bytes, params: dict[str, str]) -> None:
    client = Client(show_and_end, query)
    shown = note_ticket(client.scope)
    assert shown == ("ticket" in params), "what stands for credentials is what the daemon looks at"
    await client.run()
    assert client.link.params == {"ptyID": "pty_a", **params}


def test_paths() -> None:
    for path in ("/pty/pty_a/connect", "/api/pty/pty_a/connect"):
        assert PATH.fullmatch(path)
    for path in ("/pty/ses_a/connect", "/pty/pty_a/b/connect", "/pty/pty_a/connect/", "/x/pty/pty_a/connect"):
        assert not PATH.fullmatch(path)
