"""Reads an event stream as a client would, down to the bytes."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h11
import msgspec
import trio


class Received(msgspec.Struct):
    data: Any
    id: str = ""


class Reader:
    """``ended``: None while open, True after a proper last chunk, False when the stream broke off."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._connection = h11.Connection(h11.CLIENT)
        self._buffer = b""
        self.events: list[Received] = []
        self.ended: bool | None = None
        self.headers: dict[str, str] = {}
        self.status = 0

    async def open(self, target: str, headers: dict[str, str]) -> None:
        request = h11.Request(method="GET", target=target, headers=list({"host": "127.0.0.1", **headers}.items()))
        sent = self._connection.send(request)
        assert sent
        await self._stream.send_all(sent + (self._connection.send(h11.EndOfMessage()) or b""))
        response = await self._next()
        assert isinstance(response, h11.Response)
        self.status = response.status_code
        self.headers = {key.decode(): value.decode() for key, value in response.headers}

    async def _next(self) -> Any:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            self._connection.receive_data(bytes(await self._stream.receive_some(65536)))
        return event

    async def __aiter__(self) -> AsyncIterator[Received]:
        """To the end."""
        while event := await self.next():
            yield event

    async def next(self) -> Received | None:
        """The next event; None at the end, of which ``ended`` tells the kind."""
        while True:
            block, found, rest = self._buffer.partition(b"\n\n")
            if found:
                self._buffer = rest
                return _parse(block.decode())
            if not await self._more():
                return None

    async def _more(self) -> bool:
        try:
            event = await self._next()
        except h11.RemoteProtocolError:
            self.ended = False
            return False
        if isinstance(event, h11.Data):
            self._buffer += event.data
            return True
        self.ended = isinstance(event, h11.EndOfMessage)
        return False

    def arrived(self) -> bytes:
        """What lies in the socket now."""
        descriptor = socket.socket(fileno=os.dup(self._stream.socket.fileno()))
        with descriptor:
            return descriptor.recv(1 << 20, socket.MSG_DONTWAIT)

    async def until(self, type: str) -> list[Received]:
        """All events up to the first of that type."""
        seen: list[Received] = []
        while (event := await self.next()) is not None:
            seen.append(event)
            if kind(event) == type:
                return seen
        raise AssertionError(f"no {type} after {[kind(event) for event in seen]}")


def kind(event: Received) -> str:
    data = event.data.get("payload", event.data)
    return str(data["type"])


def _parse(block: str) -> Received:
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    return Received(msgspec.json.decode(fields["data"]), fields.get("id", ""))


@asynccontextmanager
async def reading(port: int, target: str, headers: dict[str, str] | None = None) -> AsyncIterator[Reader]:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        reader = Reader(stream)
        await reader.open(target, headers or {})
        yield reader
