"""A terminal's client: a real websocket, what it has shown, and what is typed into it."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlencode, urlsplit

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

from .server import Events, Json, Server, until


class Refused(Exception):
    """The websocket was not opened; ``status`` is the answer's."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class PtyClient:
    """``frames``: every text, and every cursor as a number. ``code``: what the server closed with, None until then."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.frames: list[str | int] = []
        self.code: int | None = None
        self.lost = False
        self.reading = trio.Event()  # while it is not set nothing is read
        self.reading.set()
        self._stream = stream
        self._sending = trio.Lock()  # what is typed, and answers to pings
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._accepted = trio.Event()
        self._status = 0
        self._part = ""

    @property
    def text(self) -> str:
        return "".join(frame for frame in self.frames if isinstance(frame, str))

    @property
    def cursors(self) -> list[int]:
        return [frame for frame in self.frames if isinstance(frame, int)]

    async def shake_hands(self, host: str, target: str, headers: Mapping[str, str]) -> None:
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._stream.send_all(self._protocol.send(Request(host=host, target=target, extra_headers=extra)))
        await self._accepted.wait()
        if self._status:
            raise Refused(self._status)

    async def type(self, data: str | bytes) -> None:
        message = TextMessage(data=data) if isinstance(data, str) else BytesMessage(data=data)
        await self._send(message)

    async def close(self) -> None:
        await self._send(CloseConnection(code=1000))

    async def _send(self, event: Event) -> None:
        async with self._sending:
            await self._stream.send_all(self._protocol.send(event))

    async def sees(self, text: str, *, timeout_s: float = 20) -> None:
        try:
            await until(lambda: text in self.text, f"{text!r} is shown", timeout_s=timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}, after {self.text[-500:]!r}") from None

    async def ended(self, *, timeout_s: float = 20) -> int | None:
        await until(lambda: self.code is not None or self.lost, "the websocket is closed", timeout_s=timeout_s)
        return self.code

    async def read(self) -> None:
        try:
            while data := await self._stream.receive_some(65536):
                self._protocol.receive_data(data)
                for event in self._protocol.events():
                    await self._take(event)
                await self.reading.wait()
        except trio.BrokenResourceError:
            pass
        finally:
            self.lost = True
            if not self._accepted.is_set():
                self._status = self._status or 599
            self._accepted.set()

    async def _take(self, event: object) -> None:
        match event:
            case AcceptConnection():
                self._accepted.set()
            case RejectConnection():
                self._status = event.status_code
                self._accepted.set()
            case TextMessage():  # a long one comes in parts
                self._part += event.data
                if event.message_finished:
                    self.frames.append(self._part)
                    self._part = ""
            case BytesMessage():
                assert event.data[:1] == b"\0"
                self.frames.append(json.loads(bytes(event.data[1:]))["cursor"])
            case CloseConnection():
                self.code = event.code
                if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                    await self._send(event.response())
            case Ping():
                await self._send(event.response())
            case _:
                pass


@asynccontextmanager
async def connected(
    server: Server, pty: str, *, headers: Mapping[str, str] | None = None, path: str = "/pty", **query: str
) -> AsyncGenerator[PtyClient]:
    """Raises Refused."""
    place = urlsplit(server.url)
    assert place.hostname and place.port
    stream = await trio.open_tcp_stream(place.hostname, place.port)
    refused: Refused | None = None
    async with stream, trio.open_nursery() as nursery:
        client = PtyClient(stream)
        nursery.start_soon(client.read)
        target = f"{path}/{pty}/connect" + ("?" + urlencode(query) if query else "")
        try:
            await client.shake_hands(place.netloc, target, server.authorization() if headers is None else headers)
        except Refused as refusal:  # raised here it would come out in a group
            refused = refusal
        else:
            yield client
        nursery.cancel_scope.cancel()
    if refused is not None:
        raise refused


async def create(server: Server, command: str, *args: str, **fields: Json) -> str:
    body = {"command": command, "args": list(args), **fields}
    return str((await server.ask("POST", "/pty", body))["id"])


async def run(server: Server, script: str, *, profile: str | None = None, timeout_s: float = 20) -> tuple[int, str]:
    """Runs a script of bash in a terminal; returns its exit code and all that it has written."""
    async with server.events() as events:
        wish = {"sandbox": {"profile": profile}} if profile else {}
        # The script waits for a line, so that it ends only when somebody looks.
        pty = await create(server, "/bin/bash", "-c", f"read -r _; {script}", **wish)
        async with connected(server, pty, cursor="0") as client:
            await client.type("\n")
            exited = await exit_of(events, pty, timeout_s=timeout_s)
            await client.ended()
            return exited, client.text.removeprefix("\r\n")


async def exit_of(events: Events, pty: str, *, timeout_s: float = 20) -> int:
    def is_exit(event: Json) -> bool:
        return event["type"] == "pty.exited" and event["properties"]["id"] == pty

    return int((await events.until(is_exit, timeout_s=timeout_s))["properties"]["exitCode"])
