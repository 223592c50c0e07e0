import httpx2
import pytest

from oad.gateway.cors import CrossOrigin

from .conftest import Stand

ALLOWED = [
    "http://localhost:3000",
    "http://127.0.0.1:1234",
    "http://localhost",
    "https://opencode.ai",
    "https://app.opencode.ai",
    "tauri://localhost",
    "https://mine.example",
]
FOREIGN = [
    "https://evil.example",
    "null",
    "https://localhost:3000",
    "vscode-webview://x",
    "https://opencode.ai.evil.example",
    "https://evilopencode.ai",
    "http://localhost:3000.evil.example",
    "http://localhost:3000\n",
]


@pytest.mark.parametrize("origin", ALLOWED)
def test_known_and_configured_origins(origin: str) -> None:
    assert CrossOrigin(("https://mine.example/",)).admits(origin)


@pytest.mark.parametrize("origin", FOREIGN)
def test_foreign_origins(origin: str) -> None:
    assert not CrossOrigin(("https://mine.example",)).admits(origin)


async def test_preflight_echoes_what_is_asked(client: httpx2.AsyncClient) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-a"}
    answer = await client.options("/nope", headers={"origin": "http://localhost:3000", **asked})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["access-control-allow-headers"] == "content-type,x-a"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, PUT, PATCH, POST, DELETE"
    assert answer.headers["access-control-max-age"] == "86400"
    assert answer.headers["vary"] == "Access-Control-Request-Headers, Origin"
    foreign = await client.options("/session", headers={"origin": "https://evil.example", **asked})
    assert foreign.status_code == 204
    assert "access-control-allow-origin" not in foreign.headers


async def test_every_answer_tells_an_allowed_origin(client: httpx2.AsyncClient, stand: Stand) -> None:
    for path in ("/session", "/session/xyz", "/nope", "/global/health"):
        answer = await client.get(path, headers={"origin": "tauri://localhost"})
        assert answer.headers["access-control-allow-origin"] == "tauri://localhost"
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in (await client.get(path)).headers
