from urllib.parse import urlsplit

import trio
import trio.testing

from oad.gateway.arrival import Arrival, has_body
from oad.gateway.asgi import Headers, Message, Receive

from .conftest import Stand


def receiving(*messages: Message) -> Receive:
    coming = iter(messages)

    async def receive() -> Message:
        for message in coming:
            return message
        await trio.sleep_forever()
        raise AssertionError

    return receive


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_what_has_arrived_is_left_alone() -> None:
    arrival = Arrival(receiving(part(b"{}", more=False)))
    await arrival.receive()
    assert await arrival.settle([]) == []


async def test_what_comes_soon_is_taken(autojump_clock: trio.testing.MockClock) -> None:
    assert await Arrival(receiving(part(b"{", more=True), part(b"}", more=False))).settle([]) == []
    assert trio.current_time() < 1


async def test_the_client_is_told_when_no_more_is_taken(autojump_clock: trio.testing.MockClock) -> None:
    close: Headers = [(b"connection", b"close")]
    assert await Arrival(receiving(part(b"{", more=True))).settle([]) == close
    endless = [part(b"x" * 65536, more=True) for _ in range(100)]
    assert await Arrival(receiving(*endless)).settle([]) == close
    assert await Arrival(receiving()).settle(close) == close


def test_which_requests_have_a_body() -> None:
    assert has_body({"headers": [(b"content-length", b"2")]})
    assert has_body({"headers": [(b"transfer-encoding", b"chunked")]})
    assert not has_body({"headers": [(b"content-length", b"0")]})
    assert not has_body({"headers": []})


async def test_a_connection_goes_on_after_an_early_refusal(stand: Stand) -> None:
    """Real bytes: the body comes in a packet of its own, when the refusal could be on its way already."""
    place = urlsplit(stand.url)
    stream = await trio.open_tcp_stream(str(place.hostname), int(place.port or 0))
    async with stream:
        for _ in range(3):
            await stream.send_all(b"POST /nope HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n")
            await stream.send_all(b"{}")
            answer = b""
            while b"NotFoundError" not in answer or not answer.endswith(b"}"):
                chunk = await stream.receive_some()
                assert chunk, "the connection was closed"
                answer += chunk
            assert answer.startswith(b"HTTP/1.1 404")


async def test_a_body_that_never_comes(stand: Stand) -> None:
    place = urlsplit(stand.url)
    stream = await trio.open_tcp_stream(str(place.hostname), int(place.port or 0))
    async with stream:
        await stream.send_all(b"POST /nope HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n")
        answer = b""
        while chunk := await stream.receive_some():
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"\r\nconnection: close\r\n" in answer.lower()
