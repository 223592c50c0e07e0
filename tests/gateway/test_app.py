import httpx2

from .conftest import Stand


async def test_forwards_a_read_with_its_directory(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/session", params={"directory": "/a/../b", "limit": "5"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"op": "session.list", "params": {"limit": "5", "directory": "/b"}, "body": ""}


async def test_forwards_a_body_untouched(client: httpx2.AsyncClient) -> None:
    body = '{ "parts": [{"type":"text","text":"hi"}], "unknown": 1 }'
    answer = await client.post("/session/ses_1/message", content=body, headers={"content-type": "text/plain"})
    assert answer.json()["body"] == body
    assert answer.json()["params"] == {"sessionID": "ses_1", "directory": "/srv/cwd"}


async def test_health(client: httpx2.AsyncClient, stand: Stand) -> None:
    assert (await client.get("/global/health")).json() == {"healthy": True, "version": "1.18.33"}
    assert stand.daemon.calls == []
