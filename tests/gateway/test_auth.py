import base64
from pathlib import Path
from typing import Any

import httpx2
import pytest

from oad.contract.credential import Credential
from oad.gateway.auth import MAX_FAILURES, WINDOW_S, FailureLimit

from .conftest import standing

CREDENTIALS = Credential(username="opencode", password="sécret:x", token="tok")


def basic(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


RIGHT: list[tuple[dict[str, Any], str]] = [
    ({"authorization": f"Basic {basic('opencode:sécret:x')}"}, ""),
    ({"authorization": f"bAsIc {basic('opencode:sécret:x')}"}, ""),
    ({"authorization": "Bearer tok"}, ""),
    ({"authorization": f"Basic {basic('anyone:tok')}"}, ""),
    ({}, f"?auth_token={basic('opencode:sécret:x')}"),
    ({"authorization": "Basic nonsense"}, f"?auth_token={basic('opencode:sécret:x')}"),
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"authorization": f"Basic {basic('opencode:wrong')}"}, ""),
    ({"authorization": f"Basic {basic('other:sécret:x')}"}, ""),
    ({"authorization": "Basic !!!"}, ""),
    ({"authorization": "Bearer sécret:x".encode()}, ""),
    ({"authorization": "tok"}, ""),
    ({}, "?auth_token=tok"),
    ({}, f"?token={basic('opencode:sécret:x')}"),
]


async def test_who_is_let_in(tmp_path: Path) -> None:
    async with standing(tmp_path, credentials=CREDENTIALS) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        for headers, query in RIGHT:
            answer = await client.get(f"/session{query}", headers=headers)
            assert answer.status_code == 200, (headers, query)
        for headers, query in WRONG:
            answer = await client.get(f"/session{query}", headers=headers)
            assert (answer.status_code, answer.content) == (401, b""), (headers, query)
            assert answer.headers["www-authenticate"] == 'Basic realm="Secure Area"'


async def test_users_with_tokens_of_their_own_are_told_apart(tmp_path: Path) -> None:
    known = Credential(password="pw", token="tok", users={"ann": "ann-token", "bob": "bob-token"})
    async with standing(tmp_path, credentials=known) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        for value in ("Bearer ann-token", f"Basic {basic('bob:bob-token')}", "Bearer tok", "Bearer eve-token"):
            await client.get("/session", headers={"authorization": value})
        origins = [call.origin for call in stand.daemon.calls if call.op == "session.list" and call.origin]
        assert [(origin.user, origin.who) for origin in origins] == [
            ("ann", "ann (token)"),
            ("bob", "bob (token)"),
            ("", "token (bearer)"),
        ]


@pytest.mark.parametrize("path", ["/session", "/doc", "/global/health", "/nope", "/", "/event", "/global/event"])
async def test_everything_but_the_probes_is_closed(path: str, tmp_path: Path) -> None:
    async with standing(tmp_path, credentials=CREDENTIALS) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        answer = await client.get(path, headers={"origin": "http://localhost:3000"})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert (await client.post("/session", content="{bad")).status_code == 401
        assert (await client.get("/livez")).status_code == 200
        assert (await client.options("/session")).status_code == 204
        assert stand.daemon.calls == []


async def test_below_api_the_refusal_has_a_body(tmp_path: Path) -> None:
    async with standing(tmp_path, credentials=CREDENTIALS) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        answer = await client.get("/api/health")
        assert answer.json() == {"_tag": "UnauthorizedError", "message": "Authentication required"}


async def test_guessing_is_limited(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, credentials=CREDENTIALS) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        statuses = [
            (await client.get("/session", headers={"authorization": f"Bearer {number}"})).status_code
            for number in range(MAX_FAILURES + 2)
        ]
        assert statuses == [401] * MAX_FAILURES + [429] * 2
        refused = await client.get("/session", headers={"authorization": "Bearer tok"})
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S + 1
        assert "wrong credentials from 127.0.0.1" in caplog.text


def test_limit_forgets_after_its_window_and_stays_small() -> None:
    limit = FailureLimit()
    for _ in range(MAX_FAILURES):
        limit.record("a", 0)
    assert limit.retry_after("a", 1) == WINDOW_S - 1
    assert limit.retry_after("b", 1) == 0
    assert limit.retry_after("a", WINDOW_S) == 0
    for number in range(5000):
        limit.record(str(number), 0)
    assert len(limit) <= 1000
