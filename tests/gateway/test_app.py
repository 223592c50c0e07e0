import httpx2
import pytest

from oad.contract.wire import Call
from oad.link import Answer

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


@pytest.mark.parametrize("path", ["/vcs/diff/raw", "/api/fs/read/a.diff"])
@pytest.mark.parametrize("body", [b"diff --git\n", b""])
async def test_answers_that_are_not_json(path: str, body: bytes, client: httpx2.AsyncClient, stand: Stand) -> None:
    async def patch(call: Call, _: bytes) -> Answer:
        return Answer(body, headers={"content-type": "text/x-diff; charset=utf-8"})

    stand.daemon.handler = patch
    answer = await client.get(path)
    assert (answer.content, answer.headers["content-type"]) == (body, "text/x-diff; charset=utf-8")
