"""A provider on a local port that does what a test tells it, byte by byte."""

import math
from collections.abc import Awaitable, Callable
from functools import partial

import h11
import msgspec
import trio

Play = Callable[["Exchange"], Awaitable[None]]


class Request(msgspec.Struct):
    target: str
    headers: dict[str, str]
    body: dict[str, object]


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(self, stream: trio.SocketStream, request: Request, server: "FakeServer") -> None:
        self.stream = stream
        self.request = request
        self.server = server

    async def head(self, status: int = 200, headers: dict[str, str] | None = None, length: int | None = None) -> None:
        fields = {"content-type": "text/event-stream", **(headers or {})}
        fields |= {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.stream.send_all(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode())

    async def chunk(self, data: bytes) -> None:
        await self.stream.send_all(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def finish(self) -> None:
        await self.stream.send_all(b"0\r\n\r\n")

    async def error(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        await self.head(status, {"content-type": "application/json", **(headers or {})}, len(data))
        await self.stream.send_all(data)

    async def until_closed(self) -> None:
        """Returns when the client has closed its side."""
        while await self.stream.receive_some(4096):
            pass
        self.server.closed.set()

    async def reset(self) -> None:
        """Ends the connection with a RST."""
        self.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        await self.stream.aclose()


class FakeServer:
    """``plays`` answer the requests one after the other, the last one all that follow."""

    def __init__(self) -> None:
        self.plays: list[Play] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.asked = trio.Event()
        self.closed = trio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, self._serve, 0, host="127.0.0.1"))
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def _serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        try:
            while request := await self._read(stream):
                self.requests.append(request)
                self.asked.set()
                play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
                await play(Exchange(stream, request, self))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.closed.set()
        finally:
            await stream.aclose()

    async def _read(self, stream: trio.SocketStream) -> Request | None:
        parser = h11.Connection(h11.SERVER)
        head, body = None, b""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode(): value.decode() for name, value in head.headers}
                return Request(head.target.decode(), headers, msgspec.json.decode(body))
            else:
                return None


def whole(data: bytes, size: float = math.inf) -> Play:
    """Streams ``data`` in chunks of ``size`` bytes and ends well."""

    async def play(exchange: Exchange) -> None:
        await exchange.head()
        step = len(data) if size == math.inf else int(size)
        for start in range(0, len(data), step):
            await exchange.chunk(data[start : start + step])
        await exchange.finish()

    return play


def refusal(status: int, body: object, headers: dict[str, str] | None = None) -> Play:
    async def play(exchange: Exchange) -> None:
        await exchange.error(status, body, headers)

    return play


def stuck(data: bytes | None = None) -> Play:
    """Says ``data``, or not even a status, and then nothing more."""

    async def play(exchange: Exchange) -> None:
        if data is not None:
            await exchange.head()
            await exchange.chunk(data)
        await exchange.until_closed()

    return play


def dying(data: bytes, *, hard: bool) -> Play:
    """Breaks off after ``data``: by a reset, or by closing before the body is complete."""

    async def play(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(data)
        if hard:
            await exchange.reset()
        else:
            await exchange.stream.aclose()

    return play
