"""Who may do what at the proxy: sessions, workers, watchers; real sockets throughout."""

import os
import socket

import pytest
import trio

from oad.contract.policy import NetworkPolicy
from oad.contract.proxy import Listen, frame

from .conftest import Proxy, Recorder, read_all, serve, watching


def get(url: str) -> bytes:
    return f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def test_a_session_speaks_through_its_listening_socket(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    server = Recorder()
    port = await serve(nursery, server)
    link, inside = await proxy.listen(f"127.0.0.1:{port}")
    async with await proxy.enter(inside) as stream:
        await stream.send_all(get(f"http://127.0.0.1:{port}/a"))
        assert (await read_all(stream)).endswith(b"ok")
    async with await proxy.enter(inside) as stream:
        await stream.send_all(get(f"http://127.0.0.1:{port + 1}/a"))
        assert b" 403 Denied by the network policy" in await read_all(stream)
    await link.aclose()


async def test_the_end_of_a_session_ends_its_connections(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    link, inside = await proxy.listen("a.test")
    stream = await proxy.enter(inside)
    await stream.send_all(b"CONNECT")
    await link.aclose()
    assert await read_all(stream) == b""
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(OSError):
        await proxy.enter(inside)


async def test_a_proxy_that_was_restarted_finds_what_waited(proxy: Proxy, nursery: trio.Nursery) -> None:
    """The door and the listening socket outlive it; the session hands the socket over again."""
    proxy.start()
    port = await serve(nursery, Recorder())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        link = await proxy.bring(listener, f"127.0.0.1:{port}")
        caught = await proxy.enter(listener.getsockname()[1])
        await caught.send_all(b"GET ")
        proxy.scope.cancel()
        assert await link.receive_some() == b""
        assert await read_all(caught) == b""
        waiting = await proxy.enter(listener.getsockname()[1])
        await waiting.send_all(get(f"http://127.0.0.1:{port}/"))
        await proxy.bring(listener, f"127.0.0.1:{port}")
        proxy.start()
        assert (await read_all(waiting)).endswith(b"ok")


@pytest.mark.parametrize(
    ("policy", "own", "passes"),
    [
        (NetworkPolicy("on"), "*:{port}", False),  # loopback is not meant by a star
        (NetworkPolicy("on"), "127.0.0.1:{port}", True),
        (NetworkPolicy("allow"), "127.0.0.1:{port}", False),
        (NetworkPolicy("allow", ("127.0.0.0/8:{port}",)), "127.0.0.1:{port}", True),
        (NetworkPolicy("allow", ("127.0.0.1:1",)), "127.0.0.1:{port}", False),
        (NetworkPolicy("off", ("127.0.0.1:{port}",)), "127.0.0.1:{port}", False),
    ],
)
async def test_no_session_gets_more_than_the_operator_allows(
    proxy: Proxy, nursery: trio.Nursery, policy: NetworkPolicy, own: str, passes: bool
) -> None:
    port = await serve(nursery, Recorder())
    proxy.start(NetworkPolicy(policy.mode, tuple(entry.format(port=port) for entry in policy.allow)))
    answer = await proxy.ask(get(f"http://127.0.0.1:{port}/"), own.format(port=port))
    assert answer.endswith(b"ok") if passes else b" 403 " in answer


async def test_without_a_list_nothing_is_reached(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    assert b" 403 " in await proxy.ask(get("http://example.test/"))


async def test_watchers_are_told_before_the_session(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    port = await serve(nursery, Recorder())
    async with watching(proxy) as everything, watching(proxy, "ses_1") as mine, watching(proxy, "ses_2") as others:
        await proxy.ask(get("http://denied.test/"), f"127.0.0.1:{port}")
        for watcher in (everything, mine):
            denied = await watcher.next()
            assert (denied.session, denied.host, denied.port, denied.allowed) == ("ses_1", "denied.test", 80, False)
        await proxy.ask(get(f"http://127.0.0.1:{port}/"), f"127.0.0.1:{port}")
        allowed = await mine.next()
        assert (allowed.host, allowed.allowed, allowed.address) == ("127.0.0.1", True, "127.0.0.1")
        with trio.move_on_after(0.05) as waiting:
            await others.next()
        assert waiting.cancelled_caught


async def test_a_watcher_that_does_not_read_holds_nobody_up(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    async with watching(proxy):
        for _ in range(30):
            host = "x" * 60 + "." + "y" * 60 + ".test"
            assert b" 403 " in await proxy.ask(get(f"http://{host}/"), "a.test")


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\0\0\0\4junk", b"\0\0\0\4", frame(Listen("s", (("a.test",),)))]
)
async def test_what_is_no_request_is_hung_up_on(proxy: Proxy, nursery: trio.Nursery, data: bytes) -> None:
    proxy.start()
    stream = await proxy.connect()
    await stream.send_all(data)
    await stream.send_eof()
    assert await read_all(stream) == b""


async def test_only_listening_sockets_are_taken(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    with socket.socket() as idle:
        link = await proxy.bring(idle, "a.test")
        assert await read_all(link) == b""


async def test_connections_have_a_limit_and_come_free_again(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start(connections=2)
    link, inside = await proxy.listen("a.test")
    first = await proxy.enter(inside)
    second = await proxy.enter(inside)
    third = await proxy.enter(inside)
    assert b" 503 " in await read_all(third)
    await first.aclose()
    answer = b" 503 "
    while b" 503 " in answer:
        async with await proxy.enter(inside) as again:
            await again.send_all(get("http://b.test/"))
            answer = await read_all(again)
    assert b" 403 " in answer
    await second.aclose()
    await link.aclose()


async def test_the_door_is_for_its_owner(proxy: Proxy) -> None:
    assert proxy.path.stat().st_mode & 0o777 == 0o600


async def test_no_descriptor_is_left(proxy: Proxy, nursery: trio.Nursery) -> None:
    proxy.start()
    port = await serve(nursery, Recorder())
    await proxy.ask(get(f"http://127.0.0.1:{port}/"), f"127.0.0.1:{port}")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await proxy.ask(get(f"http://127.0.0.1:{port}/"), f"127.0.0.1:{port}")
        await proxy.ask(get("http://b.test/"), "a.test")
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
