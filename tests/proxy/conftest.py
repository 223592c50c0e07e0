"""A proxy with a resolver of the test's own, and servers on loopback that it may lead to."""

import ipaddress
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from oad.contract.network import Address
from oad.contract.policy import NetworkPolicy
from oad.contract.proxy import Decision, Dial, Listen, Watch, Watching, decode_reports, frame
from oad.proxy.door import Door
from oad.proxy.main import open_door
from oad.proxy.settings import ProxySettings

Handler = Callable[[trio.SocketStream], Awaitable[None]]


class Proxy:
    """``names`` is what the resolver knows; an answer is used up when others follow it."""

    def __init__(self, path: Path, nursery: trio.Nursery) -> None:
        self.path = path
        self.names: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self._nursery = nursery
        self.scope = trio.CancelScope()
        self.bound = open_door(path)
        self.opened: list[trio.SocketStream] = []

    async def resolve(self, host: str, port: int) -> list[Address]:
        await trio.lowlevel.checkpoint()
        self.asked.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise socket.gaierror(-2, "Name or service not known")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(text) for text in answer]

    def start(self, policy: NetworkPolicy = NetworkPolicy(), **settings: float) -> None:  # noqa: B008
        door = Door(ProxySettings(policy=policy, **settings), resolve=self.resolve)  # type: ignore[arg-type]
        self.scope = trio.CancelScope()
        self._nursery.start_soon(self._serve, door, self.scope)

    async def _serve(self, door: Door, scope: trio.CancelScope) -> None:
        with scope, trio.socket.from_stdlib_socket(self.bound.dup()) as listener:
            await door.serve(listener)

    async def connect(self) -> trio.SocketStream:
        stream = await trio.open_unix_socket(self.path)
        self.opened.append(stream)
        return stream

    async def enter(self, port: int) -> trio.SocketStream:
        """As a program inside the session would."""
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        self.opened.append(stream)
        return stream

    async def bring(self, listener: socket.socket, *allow: str) -> trio.SocketStream:
        """The link that keeps the listening socket in service."""
        link = await self.connect()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener.fileno()))
        await link.socket.sendmsg([frame(Listen("ses_1", (allow,)))], [rights])
        return link

    async def dial(self, *allow: str) -> trio.SocketStream:
        stream = await self.connect()
        await stream.send_all(frame(Dial("ses_1", (allow,))))
        return stream

    async def ask(self, request: bytes, *allow: str) -> bytes:
        """All that comes back for one request."""
        stream = await self.dial(*allow)
        async with stream:
            await stream.send_all(request)
            return await read_all(stream)

    async def listen(self, *allow: str) -> tuple[trio.SocketStream, int]:
        """A session's listening socket handed over: the link that keeps it, and its port."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(16)
            return await self.bring(listener, *allow), listener.getsockname()[1]


class Watcher:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._data = b""

    async def next(self) -> Decision:
        while True:
            reports, rest = decode_reports(self._data)
            decisions = [report for report in reports if isinstance(report, Decision)]
            if decisions:
                self._data = b"".join(frame(each) for each in decisions[1:]) + rest
                return decisions[0]
            self._data += await self._stream.receive_some()


@pytest.fixture
async def proxy(tmp_path: Path, nursery: trio.Nursery) -> AsyncGenerator[Proxy]:
    proxy = Proxy(tmp_path / "proxy.sock", nursery)
    proxy.bound.setblocking(False)
    with trio.fail_after(10):
        yield proxy
    nursery.cancel_scope.cancel()
    for stream in proxy.opened:
        stream.socket.close()
    proxy.bound.close()


@asynccontextmanager
async def watching(proxy: Proxy, session: str = "") -> AsyncGenerator[Watcher]:
    async with await proxy.connect() as stream:
        await stream.send_all(frame(Watch(session)))
        greeting = frame(Watching())
        assert await stream.receive_some(len(greeting)) == greeting
        yield Watcher(stream)


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    data = b""
    try:
        while more := await stream.receive_some():
            data += more
    except trio.BrokenResourceError:
        pass
    return data


async def serve(nursery: trio.Nursery, handler: Handler, host: str = "127.0.0.1") -> int:
    """A server on loopback; its port."""
    listeners = await trio.open_tcp_listeners(0, host=host)

    async def handle(stream: trio.SocketStream) -> None:
        try:
            await handler(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    nursery.start_soon(trio.serve_listeners, handle, listeners)
    port: int = listeners[0].socket.getsockname()[1]
    return port


class Recorder:
    """A server that keeps what it is sent and gives one answer."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> None:
        self.answer = answer
        self.seen: list[bytes] = []
        self.connections = 0

    async def __call__(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        while data := await stream.receive_some():
            self.seen.append(bytes(data))
            if b"\r\n\r\n" in b"".join(self.seen):
                await stream.send_all(self.answer)

    @property
    def data(self) -> bytes:
        return b"".join(self.seen)
