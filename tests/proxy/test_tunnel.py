"""CONNECT: names and addresses, resolved once and judged; and what is said inside."""

import pytest
import trio

from .conftest import Proxy, Recorder, read_all, serve, watching
from .hello import client_hello, in_records


async def echo(stream: trio.SocketStream) -> None:
    while data := await stream.receive_some():
        await stream.send_all(data)


async def open_tunnel(proxy: Proxy, target: str, *allow: str) -> tuple[trio.SocketStream, bytes]:
    stream = await proxy.dial(*allow)
    await stream.send_all(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head and (more := await stream.receive_some()):
        head += more
    return stream, head


async def test_bytes_pass_in_both_directions(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    port = await serve(nursery, echo)
    stream, head = await open_tunnel(proxy, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    assert head.startswith(b"HTTP/1.1 200")
    await stream.send_all(b"plain")
    assert await stream.receive_some() == b"plain"
    await stream.send_eof()
    assert await read_all(stream) == b""


async def test_a_server_may_speak_first(proxy: Proxy, nursery: trio.Nursery) -> None:
    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 hello")
        await echo(stream)

    proxy.start()
    port = await serve(nursery, greet)
    stream, _ = await open_tunnel(proxy, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    assert await stream.receive_some() == b"220 hello"


@pytest.mark.parametrize(
    "target", ["a.test:22", "b.test:443", "a.test.:443x", "x.a.test:443", "0x7f.1:443", "1.1.1.1:443"]
)
async def test_what_is_not_listed_is_not_resolved(proxy: Proxy, nursery: trio.Nursery, target: str) -> None:
    proxy.start()
    _, head = await open_tunnel(proxy, target, "a.test")
    assert head.split(b" ")[1] in (b"403", b"400")
    assert proxy.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "fd00:ec2::254", "10.0.0.1",
     "100.100.100.200", "0.0.0.0", "::"],
)  # fmt: skip
async def test_an_allowed_name_must_not_lead_inside(proxy: Proxy, nursery: trio.Nursery, address: str) -> None:
    proxy.start()
    proxy.names["a.test"] = [[address]]
    async with watching(proxy) as watcher:
        _, head = await open_tunnel(proxy, "a.test:443", "a.test")
        assert b" 403 " in head
        assert "not listed" in (await watcher.next()).reason


async def test_one_bad_address_among_good_ones_is_enough(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    proxy.names["a.test"] = [["8.8.8.8", "169.254.169.254"]]
    _, head = await open_tunnel(proxy, "a.test:443", "a.test")
    assert b" 403 " in head


async def test_a_name_that_changes_its_mind_is_asked_once(proxy: Proxy, nursery: trio.Nursery) -> None:
    """Rebinding: the answer that was judged is the one that is used."""
    proxy.start()
    good, bad = Recorder(), Recorder()
    port = await serve(nursery, good)
    listeners = await trio.open_tcp_listeners(port, host="127.0.0.2")
    nursery.start_soon(trio.serve_listeners, bad, listeners)
    proxy.names["a.test"] = [["127.0.0.1"], ["127.0.0.2"]]
    stream, head = await open_tunnel(proxy, f"a.test:{port}", f"a.test:{port}", f"127.0.0.1:{port}")
    assert b" 200 " in head and proxy.asked == ["a.test"]
    await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
    assert (good.connections, bad.connections) == (1, 0)
    _, head = await open_tunnel(proxy, f"a.test:{port}", f"a.test:{port}", f"127.0.0.1:{port}")
    assert b" 403 " in head and bad.connections == 0


async def test_ipv6_by_address(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    port = await serve(nursery, echo, host="::1")
    for spelling in ("[::1]", "[0:0:0:0:0:0:0:1]"):
        _, head = await open_tunnel(proxy, f"{spelling}:{port}", f"[::1]:{port}")
        assert b" 200 " in head
    for spelling in ("[::ffff:127.0.0.1]", "[::2]", "[fe80::1%25lo]"):
        _, head = await open_tunnel(proxy, f"{spelling}:{port}", f"[::1]:{port}")
        assert head.split(b" ")[1] in (b"403", b"400")


class TestTls:
    """a.test leads to a server on loopback, which is listed."""

    @pytest.fixture
    async def server(self, proxy: Proxy, nursery: trio.Nursery) -> Recorder:
        proxy.start(head_s=0.2)
        server = Recorder()
        server.port = await serve(nursery, server)  # type: ignore[attr-defined]
        proxy.names["a.test"] = [["127.0.0.1"]]
        return server

    async def send(self, proxy: Proxy, server: Recorder, data: bytes, host: str = "a.test") -> trio.SocketStream:
        port: int = server.port  # type: ignore[attr-defined]
        stream, head = await open_tunnel(proxy, f"{host}:{port}", f"a.test:{port}", f"127.0.0.1:{port}")
        assert b" 200 " in head
        await stream.send_all(data)
        return stream

    @pytest.mark.parametrize("size", [10_000, 7])
    async def test_the_name_that_was_asked_for(self, proxy: Proxy, server: Recorder, size: int) -> None:
        hello = in_records(client_hello("A.test"), size)
        stream = await self.send(proxy, server, hello)
        await stream.send_eof()
        await read_all(stream)
        assert server.data == hello

    @pytest.mark.parametrize("name", ["b.test", "x.a.test", None])
    async def test_another_name_or_none(self, proxy: Proxy, server: Recorder, name: str | None) -> None:
        async with watching(proxy) as watcher:
            stream = await self.send(proxy, server, client_hello(name))
            assert await read_all(stream) == b""
            assert (await watcher.next()).allowed
            assert "TLS" in (await watcher.next()).reason
        assert server.data == b""

    async def test_an_address_needs_no_name(self, proxy: Proxy, server: Recorder) -> None:
        hello = client_hello(None)
        stream = await self.send(proxy, server, hello, "127.0.0.1")
        await stream.send_eof()
        await read_all(stream)
        assert server.data == hello

    async def test_a_hello_that_never_ends(self, proxy: Proxy, server: Recorder) -> None:
        stream = await self.send(proxy, server, client_hello("a.test")[:50])
        assert await read_all(stream) == b""
        assert server.data == b""


async def test_an_idle_tunnel_is_closed(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start(idle_s=0.1)
    port = await serve(nursery, echo)
    stream, _ = await open_tunnel(proxy, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    assert await read_all(stream) == b""
