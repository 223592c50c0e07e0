import httpx2
import pytest
import trio

from .conftest import Stand


async def test_unknown_path_is_json_404(client: httpx2.AsyncClient) -> None:
    for method in ("GET", "POST"):
        answer = await client.request(method, "/nope")
        assert answer.status_code == 404
        assert answer.json()["name"] == "NotFoundError"


async def test_wrong_method_is_405_with_allow(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/session", json={})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}
    assert answer.headers["content-type"] == "application/json"
    stream = await client.post("/event")
    assert (stream.status_code, stream.headers["allow"]) == (405, "GET, HEAD")
    assert stream.json()["name"] == "MethodNotAllowed"


@pytest.mark.parametrize("path", ["/session/", "//session", "/session//", "///session?limit=1"])
async def test_slashes_are_tolerated(path: str, stand: Stand, client: httpx2.AsyncClient) -> None:
    assert (await client.get(stand.url + path)).json()["op"] == "session.list"


async def test_head_has_no_body(client: httpx2.AsyncClient) -> None:
    answer = await client.head("/session")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_too_long_a_target(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/path?x=" + "y" * 20_000)).status_code == 431
    assert (await client.get("/path", headers={"x-long": "y" * 10_000})).status_code == 200


async def test_probes_tell_nothing(client: httpx2.AsyncClient, stand: Stand) -> None:
    for path in ("/livez", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_event_stream_is_told_of_its_bad_directory(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/event?directory=%2Fa%0A")
    assert answer.status_code == 400
    assert answer.json()["name"] == "BadRequest"


async def test_other_paths_are_no_websockets(stand: Stand) -> None:
    async with httpx2.AsyncClient(base_url=stand.url) as client:
        answer = await client.get(
            "/event",
            headers={
                "upgrade": "websocket",
                "connection": "upgrade",
                "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-version": "13",
            },
        )
        assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", ["/path", "/event/nothing", "/nothing", "/livez"])
async def test_connection_is_closed_when_the_client_asks_for_it(path: str, stand: Stand) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", stand.port)
    async with stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        with trio.fail_after(5):
            received = b"".join([bytes(chunk) async for chunk in stream])
    assert b"\r\n\r\n" in received
