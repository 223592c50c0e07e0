from pathlib import Path

import httpx2
import pytest

from oad.gateway.cors import CrossOrigin
from oad.gateway.hosts import HostGuard

from .conftest import Stand, standing


def guard(*, loopback: bool = True) -> HostGuard:
    return HostGuard(CrossOrigin(()), loopback=loopback, allowed=("box.example",))


def scope(host: str, method: str = "GET", origin: str = "") -> dict[str, object]:
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    return {"method": method, "headers": headers}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:4096", "127.0.0.1:1", "[::1]:4096", "a.localhost", "box.example:4096", "10.0.0.7"]
)
def test_names_of_this_host(host: str) -> None:
    assert guard().refusal(scope(host)) is None


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:4096", "localhost.evil.example", "", "[::1"])
def test_rebound_names_are_refused_on_loopback_only(host: str) -> None:
    assert guard().refusal(scope(host)) is not None or host == "[::1"
    assert guard(loopback=False).refusal(scope(host)) is None


@pytest.mark.parametrize(
    ("method", "origin", "refused"),
    [
        ("POST", "https://evil.example", True),
        ("DELETE", "null", True),
        ("GET", "https://evil.example", False),
        ("POST", "http://localhost:3000", False),
        ("POST", "http://box.example:4096", False),
        ("POST", "", False),
    ],
)
def test_pages_of_foreign_origins_change_nothing(method: str, origin: str, refused: bool) -> None:
    assert (guard().refusal(scope("box.example:4096", method, origin)) is not None) is refused


async def test_refusal_comes_before_everything(stand: Stand, client: httpx2.AsyncClient) -> None:
    answer = await client.get("/session", headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["name"]) == (403, "ForbiddenError")
    answer = await client.post("/session", content="{}", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert stand.daemon.calls == []


async def test_public_servers_take_any_name(tmp_path: Path) -> None:
    async with standing(tmp_path, loopback=False) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        assert (await client.get("/session", headers={"host": "box.example"})).status_code == 200


@pytest.mark.parametrize(
    ("origin", "refused"),
    [
        ("https://evil.example", True),
        ("null", True),
        ("http://localhost:3000", False),
        ("http://127.0.0.1:4096", False),
        ("", False),
    ],
)
def test_pages_of_other_origins_open_no_websocket(origin: str, refused: bool) -> None:
    asked = scope("127.0.0.1:4096", origin=origin)
    del asked["method"]
    assert (guard().refusal(asked) is not None) == refused
