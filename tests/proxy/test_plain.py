"""Plain HTTP through the proxy: what is forwarded, and how nothing else is."""

import pytest
import trio

from .conftest import Proxy, Recorder, read_all, serve, watching


@pytest.fixture
async def server(nursery: trio.Nursery) -> Recorder:
    return Recorder()


async def test_a_request_is_written_anew(proxy: Proxy, nursery: trio.Nursery, server: Recorder) -> None:
    proxy.start()
    port = await serve(nursery, server)
    head = (
        f"POST http://127.0.0.1:{port}/p?q=1 HTTP/1.1\r\nHost: other.test\r\nX-Mine: 1\r\nConnection: x-drop, close\r\n"
        "X-Drop: 1\r\nProxy-Authorization: Basic eA==\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n"
        "Content-Length: 4\r\n\r\nbody"
    )
    answer = await proxy.ask(head.encode(), f"127.0.0.1:{port}")
    assert answer.endswith(b"\r\n\r\nok")
    assert server.data.startswith(b"POST /p?q=1 HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{port}\r\n".encode() in server.data.lower()
    lowered = server.data.lower()
    for gone in (b"other.test", b"x-drop", b"proxy-auth", b"upgrade", b"expect"):
        assert gone not in lowered
    assert b"x-mine: 1" in lowered and lowered.endswith(b"\r\n\r\nbody")


async def test_a_chunked_answer_and_one_that_ends_with_its_connection(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    chunked = await serve(
        nursery, Recorder(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
    )
    answer = await proxy.ask(
        f"GET http://127.0.0.1:{chunked}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode(), f"127.0.0.1:{chunked}"
    )
    assert b"ok" in answer and answer.endswith(b"0\r\n\r\n")

    async def close_after(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")

    port = await serve(nursery, close_after)
    answer = await proxy.ask(f"GET http://127.0.0.1:{port}/ HTTP/1.0\r\n\r\n".encode(), f"127.0.0.1:{port}")
    assert answer.endswith(b"until the end")


async def test_a_second_request_on_the_connection_is_never_read(
    proxy: Proxy, nursery: trio.Nursery, server: Recorder
) -> None:
    proxy.start()
    port = await serve(nursery, server)
    allowed = f"GET http://127.0.0.1:{port}/one HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await proxy.ask((allowed + allowed.replace("one", "two")).encode(), f"127.0.0.1:{port}")
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"/two" not in server.data and server.connections == 1


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5\r\n X: folded\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding: \x0bchunked\r\n",
        "X: a\0b\r\n",
        "Host: second\r\n",
    ],
)
async def test_ambiguous_requests_reach_nobody(
    proxy: Proxy, nursery: trio.Nursery, server: Recorder, headers: str
) -> None:
    proxy.start()
    port = await serve(nursery, server)
    hidden = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    request = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n{headers}\r\n{hidden}"
    answer = await proxy.ask(request.encode("latin-1"), f"127.0.0.1:{port}")
    assert answer.split(b" ")[1] in (b"400", b"501")
    assert server.connections == 0


async def test_a_chunked_body_arrives_as_one(proxy: Proxy, nursery: trio.Nursery, server: Recorder) -> None:
    proxy.start()
    port = await serve(nursery, server)
    body = "5;ext=1\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n"
    request = f"POST http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
    assert (await proxy.ask(request.encode(), f"127.0.0.1:{port}")).endswith(b"ok")
    assert b"hello" in server.data and b"ext" not in server.data and b"Trailer" not in server.data


@pytest.mark.parametrize(
    "target", ["/", "https://a.test/", "ftp://a.test/", "http://user@a.test/", "http:///x", "http://a test/", "*"]
)
async def test_what_is_no_request_to_a_proxy(proxy: Proxy, nursery: trio.Nursery, target: str) -> None:
    proxy.start()
    answer = await proxy.ask(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode(), "a.test")
    assert b" 400 " in answer
    assert proxy.asked == []


async def test_a_redirect_leads_nowhere_else(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    secret = Recorder()
    elsewhere = await serve(nursery, secret)
    moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
    port = await serve(nursery, Recorder(moved.encode()))
    allow = f"127.0.0.1:{port}"
    answer = await proxy.ask(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode(), allow)
    assert b" 302 " in answer
    answer = await proxy.ask(f"GET http://127.0.0.1:{elsewhere}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode(), allow)
    assert b" 403 " in answer and secret.connections == 0


async def test_a_slow_request_is_given_up(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start(head_s=0.1)
    stream = await proxy.dial("a.test")
    await stream.send_all(b"GET http://a.test/ HTTP/1.1\r\nX: ")

    async def trickle() -> None:
        with trio.CancelScope() as scope:
            while not scope.cancel_called:
                await trio.sleep(0.02)
                try:
                    await stream.send_all(b"x")
                except trio.BrokenResourceError:
                    return

    nursery.start_soon(trickle)
    assert b" 408 " in await read_all(stream)


async def test_a_server_that_says_nothing_is_given_up(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start(idle_s=0.1)

    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    port = await serve(nursery, silent)
    answer = await proxy.ask(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode(), f"127.0.0.1:{port}")
    assert answer == b""


async def test_broken_servers_are_bad_gateways(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    port = await serve(nursery, Recorder(b"SSH-2.0-what\r\n\r\n\r\n"))
    request = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert b" 502 " in await proxy.ask(request, f"127.0.0.1:{port}")
    with trio.socket.socket() as taken:
        await taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        request = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert b" 502 " in await proxy.ask(request, f"127.0.0.1:{port}")


async def test_a_head_without_end_is_refused(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    answer = await proxy.ask(b"GET http://a.test/ HTTP/1.1\r\nX: " + b"x" * 100_000, "a.test")
    assert b" 431 " in answer


async def test_the_answer_to_a_refusal_names_host_and_reason(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    async with watching(proxy):
        answer = await proxy.ask(b"GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n", "a.test")
    assert b"the network policy of this session does not allow it: not on the allow list" in answer
