"""A server that answers each request with the next prepared bytes, and keeps what it was asked."""

from collections.abc import AsyncIterator

import pytest
import trio


class Scripted:
    def __init__(self) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self._answers: list[bytes] = []

    def add(self, status: int, body: bytes, kind: str = "application/json") -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self._answers.append(head.encode() + body)

    def add_stream(self, body: bytes, *, ends: bool) -> None:
        """An event stream that ends as it should, or breaks off."""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self._answers.append(head + b"%x\r\n%b\r\n" % (len(body), body) + (b"0\r\n\r\n" if ends else b""))

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            self.requests.append(await self._request(stream))
            await stream.send_all(self._answers.pop(0))

    async def _request(self, stream: trio.SocketStream) -> bytes:
        data = b""
        while True:
            data += await stream.receive_some()
            head, found, body = data.partition(b"\r\n\r\n")
            length = next((int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")), 0)
            if found and len(body) >= length:
                return data


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, scripted.serve, 0)
        scripted.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield scripted
        nursery.cancel_scope.cancel()
