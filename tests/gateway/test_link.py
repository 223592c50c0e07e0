from pathlib import Path

import httpx2
import pytest
import trio
import trio.testing

from oad.contract.errors import ApiError
from oad.contract.wire import Call
from oad.gateway.link import DaemonLink
from oad.gateway.settings import GatewaySettings
from oad.link import Answer

from .conftest import Stand, standing
from .reader import reading


async def hang(call: Call, body: bytes) -> Answer:
    await trio.sleep_forever()
    raise AssertionError


async def test_call_under_way_fails_when_the_daemon_dies_and_is_not_repeated(
    stand: Stand, client: httpx2.AsyncClient
) -> None:
    started = trio.Event()

    async def begin(call: Call, body: bytes) -> Answer:
        started.set()
        return await hang(call, body)

    stand.daemon.handler = begin
    answers: list[httpx2.Response] = []

    async def ask() -> None:
        answers.append(await client.post("/session", json={}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await started.wait()
        stand.stop_daemon()
    assert answers[0].status_code == 503
    assert answers[0].headers["retry-after"] == "1"
    second = stand.start_daemon("e2")
    assert (await client.get("/session")).status_code == 200
    assert [call.op for call in second.calls] == ["session.list"]


async def test_new_calls_wait_for_a_daemon_that_starts(stand: Stand, client: httpx2.AsyncClient) -> None:
    stand.stop_daemon()
    while (await client.get("/readyz")).status_code != 503:
        pass
    async with trio.open_nursery() as nursery:

        async def ask() -> None:
            assert (await client.get("/session")).status_code == 200

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        stand.start_daemon("e2")


async def test_without_a_daemon_the_wait_is_bounded(tmp_path: Path) -> None:
    async with standing(tmp_path, daemon_wait_s=0.05) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        stand.stop_daemon()
        while (await client.get("/readyz")).status_code != 503:
            pass
        assert (await client.get("/session")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/global/health")).json()["healthy"] is True


async def test_open_streams_outlive_the_daemon_and_miss_nothing(stand: Stand) -> None:
    async with reading(stand.port, "/event?directory=/p") as reader:
        await reader.until("server.connected")
        await stand.daemon.publish("todo.updated", {"n": 1})
        await stand.daemon.taken()
        stand.stop_daemon()
        stand.daemon.record("session.idle", {"n": 2})  # journalled by a daemon that died before it told anyone
        await stand.start_daemon("e2").publish("todo.updated", {"n": 3})
        events = [await reader.next() for _ in range(3)]
    assert [event.data["properties"]["n"] for event in events if event] == [1, 2, 3]
    assert [event.id for event in events if event] == ["1-0001", "2-0002", "3-0003"]


async def test_pushes_are_acknowledged_within_the_window(stand: Stand) -> None:
    for number in range(1000):
        await stand.daemon.publish_volatile("message.part.delta", {"n": number})
    await stand.daemon.taken()
    assert stand.daemon.acknowledged == 1000


async def test_deadline_of_a_call(stand: Stand) -> None:
    stand.daemon.handler = hang
    settings = GatewaySettings(
        name="g2", descriptor=-1, daemon_endpoint=stand.daemon.endpoint, runtime_dir=str(stand.runtime), cwd="/"
    )
    link = DaemonLink(settings)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        with pytest.raises(ApiError) as caught:
            await link.call("slow", {}, deadline_s=0.05)
        nursery.cancel_scope.cancel()
    assert caught.value.status == 504


async def test_client_that_leaves_withdraws_its_call(stand: Stand) -> None:
    stand.daemon.handler = hang
    async with await trio.open_tcp_stream("127.0.0.1", stand.port) as stream:
        await stream.send_all(b"GET /agent HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not stand.daemon.calls:
            await trio.lowlevel.checkpoint()
    while not stand.daemon.cancelled:
        await trio.lowlevel.checkpoint()
    assert stand.daemon.cancelled == [stand.daemon.calls[0].id]


async def test_headers_of_a_reply_go_out(stand: Stand, client: httpx2.AsyncClient) -> None:
    async def page(call: Call, body: bytes) -> Answer:
        return Answer(b"[]", 200, {"x-next-cursor": "abc", "link": '<x>; rel="next"'})

    stand.daemon.handler = page
    answer = await client.get("/session/ses_1/message", headers={"origin": "http://localhost:3000"})
    assert answer.headers["x-next-cursor"] == "abc"
    assert "x-next-cursor" in answer.headers["access-control-expose-headers"]


async def test_socket_is_private_and_goes_with_the_gateway(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        (path,) = tmp_path.glob("gateway-g1-*.sock")  # noqa: ASYNC240
        assert path.stat().st_mode & 0o777 == 0o600
        stand.stopping.set()
    assert not path.exists()


async def test_idempotency_key_travels(stand: Stand, client: httpx2.AsyncClient) -> None:
    await client.post("/session", json={}, headers={"idempotency-key": "k1"})
    assert stand.daemon.calls[0].key == "k1"


async def test_a_place_for_sockets_that_can_not_be_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("oad.gateway.link._DISK_S", 0.01)
    place = tmp_path / "later"
    async with standing(tmp_path, runtime_dir=str(place), wait=False) as stand:
        while "no way to the daemon can be made" not in caplog.text:
            await trio.testing.wait_all_tasks_blocked(0.001)
        place.mkdir()
        await stand.daemon.greeted.wait()
