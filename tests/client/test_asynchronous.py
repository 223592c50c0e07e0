import pytest

from oad.client import AsyncClient, Failure, Login
from oad.client.event import StatusChanged
from oad.contract.session import StatusIdle

from .conftest import Scripted

STATUS = b'data: {"id":"evt_1","type":"session.status","properties":{"sessionID":"ses_1","status":{"type":"idle"}}}\n\n'
BEAT = b'data: {"id":"evt_2","type":"server.heartbeat","properties":{}}\n\n'


async def test_a_stream_that_breaks_off_is_taken_up_again(server: Scripted) -> None:
    server.add_stream(b"retry: 1\n" + BEAT + b"id: 7\n" + STATUS + BEAT, ends=False)
    server.add_stream(b"id: 8\n" + STATUS, ends=True)
    async with AsyncClient(server.url, directory="/some where") as client:
        events = [event async for event in client.events()]
    assert [event.number for event in events] == ["", "7", "", "8"]
    assert isinstance(events[1].read(StatusChanged).status, StatusIdle)
    assert b"/event?directory=%2Fsome+where" in server.requests[0] or b"%2Fsome%20where" in server.requests[0]
    assert b"last-event-id" not in server.requests[0].lower()
    assert b"last-event-id: 7" in server.requests[1].lower()


async def test_without_resume_a_break_is_a_failure(server: Scripted) -> None:
    server.add_stream(BEAT, ends=False)
    async with AsyncClient(server.url) as client:
        with pytest.raises(Failure) as caught:
            [event async for event in client.events(resume=False)]
    assert caught.value.status == 0


async def test_the_global_stream_names_directories_and_is_read_once(server: Scripted) -> None:
    plain = STATUS.removeprefix(b"data: ").strip()
    twin = b'{"payload":{"type":"sync","syncEvent":{}}}'
    frames = b'id: 1\ndata: {"directory":"/a","payload":%b}\n\nid: 1\ndata: %b\n\n' % (plain, twin)
    server.add_stream(frames, ends=True)
    async with AsyncClient(server.url) as client:
        (event,) = [event async for event in client.events(everywhere=True)]
    assert (event.directory, event.number, event.type) == ("/a", "1", "session.status")
    assert server.requests[0].startswith(b"GET /global/event ")


async def test_a_refused_stream_is_a_failure(server: Scripted) -> None:
    server.add(401, b"", "text/plain")
    async with AsyncClient(server.url) as client:
        with pytest.raises(Failure, match="401") as caught:
            [event async for event in client.events()]
    assert caught.value.unreachable


@pytest.mark.parametrize(
    "body",
    [b'{"name":"NotFoundError","data":{"message":"no such thing"}}', b'{"_tag":"X","message":"no such thing"}'],
)
async def test_a_refusal_has_status_and_body(server: Scripted, body: bytes) -> None:
    server.add(404, body)
    async with AsyncClient(server.url, Login(token="t")) as client:
        with pytest.raises(Failure, match="no such thing") as caught:
            await client.sessions.get("a/b")
    assert caught.value.status == 404
    assert isinstance(caught.value.body, dict)
    assert server.requests[0].startswith(b"GET /session/a%2Fb ")
    assert b"authorization: bearer t" in server.requests[0].lower()


async def test_an_answer_of_another_form_is_a_failure(server: Scripted) -> None:
    server.add(200, b'{"id": 5}')
    async with AsyncClient(server.url) as client:
        with pytest.raises(Failure, match="does not understand"):
            await client.sessions.get("ses_1")


async def test_replies_go_where_they_belong(server: Scripted) -> None:
    for _ in range(2):
        server.add(200, b"true")
    async with AsyncClient(server.url, directory="/ä") as client:
        await client.permissions.reply("per_1", "once", "fine")
        await client.questions.reply("que_1", [["A"]])
    assert b"POST /permission/per_1/reply" in server.requests[0]
    assert server.requests[0].endswith(b'{"reply":"once","message":"fine"}')
    assert server.requests[1].endswith(b'{"answers":[["A"]]}')
    assert b"x-opencode-directory: /%c3%a4" in server.requests[0].lower()
