import base64
import os
import socket
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from oad.contract.credential import Credential
from oad.contract.forwarding import BadProxy, Forwarding, parse_proxies
from oad.contract.wire import Call
from oad.gateway.auth import MAX_FAILURES
from oad.gateway.forwarded import OUTER, Outside, host_of
from oad.link import Answer

from .conftest import Stand, standing

PROXY = "10.0.0.1"


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError


def outside(dialect: str = "x-forwarded", *, base: str = "/oad", trusted: tuple[str, ...] = ("10.0.0.0/8",)) -> Outside:
    return Outside(Forwarding(base, trusted, dialect), nothing)  # type: ignore[arg-type]


def scope(path: str = "/session", peer: str | None = PROXY, **headers: str) -> dict[str, Any]:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    client = (peer, 5000) if peer else None
    return {"type": "http", "path": path, "raw_path": path.encode(), "client": client, "headers": fields}


def client_of(seen: dict[str, Any]) -> str:
    return str(seen["client"][0])


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/oad/session", "/session"),
        ("/oad", "/"),
        ("/oad/", "/"),
        ("/oad//session", "//session"),
        ("/session", "/session"),
        ("/oadx/session", "/oadx/session"),
        ("/a/oad/session", "/a/oad/session"),
    ],
)
def test_the_base_path_is_taken_off_wherever_it_still_is(path: str, seen: str) -> None:
    found = outside().seen(scope(path, peer="192.0.2.9"))
    assert (found["path"], found["raw_path"]) == (seen, seen.encode())


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7", "198.51.100.7"),  # the first is what the client has made up
        ("198.51.100.7, 10.3.2.1", "198.51.100.7"),
        ("10.9.9.9, 10.3.2.1", "10.9.9.9"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("198.51.100.7, unknown", PROXY),
        ("", PROXY),
        ("198.51.100.7\x01", PROXY),
        (", ".join(["198.51.100.7"] + ["10.1.1.1"] * 50), "10.1.1.1"),
    ],
)
def test_the_client_is_whoever_reached_the_outermost_own_proxy(chain: str, client: str) -> None:
    assert client_of(outside().seen(scope(x_forwarded_for=chain))) == client


def test_without_a_word_the_proxy_is_the_client() -> None:
    seen = outside().seen(scope(host="inner:4096"))
    assert (client_of(seen), seen[OUTER]) == (PROXY, "http://inner:4096/oad")


@pytest.mark.parametrize("peer", ["192.0.2.9", "::1", None])
def test_strangers_can_claim_nothing(peer: str | None) -> None:
    asked = scope(peer=peer, x_forwarded_for="1.1.1.1", x_forwarded_host="evil", forwarded="for=1.1.1.1")
    for dialect in ("x-forwarded", "forwarded"):
        seen = outside(dialect).seen(asked)
        assert seen["client"] == asked["client"] and OUTER not in seen


def test_proxies_on_unix_sockets_and_with_mapped_addresses() -> None:
    seen = outside(trusted=("unix",)).seen(scope(peer=None, x_forwarded_for="198.51.100.7"))
    assert client_of(seen) == "198.51.100.7"
    assert outside(trusted=("unix",)).seen(scope(peer=None))["client"] is None
    assert client_of(outside().seen(scope(peer="::ffff:10.0.0.1", x_forwarded_for="198.51.100.7"))) == "198.51.100.7"


@pytest.mark.parametrize(
    ("headers", "outer"),
    [
        ({"x_forwarded_host": "Code.Example:8443", "x_forwarded_proto": "https"}, "https://code.example:8443/oad"),
        ({"x_forwarded_host": "code.example", "x_forwarded_proto": "wss"}, "https://code.example/oad"),
        ({"x_forwarded_prefix": "/deep/oad/", "x_forwarded_proto": "HTTPS"}, "https://inner/deep/oad"),
        ({"x_forwarded_prefix": "//evil/..;", "x_forwarded_proto": "javascript"}, "http://inner/oad"),
        ({"x_forwarded_host": 'evil"/><script>', "x_forwarded_proto": "https"}, "https://inner/oad"),
        ({"x_forwarded_host": "[2001:db8::1]:443"}, "http://[2001:db8::1]:443/oad"),
    ],
)
def test_the_outer_url(headers: dict[str, str], outer: str) -> None:
    assert outside().seen(scope(host="inner", x_forwarded_for="198.51.100.7", **headers))[OUTER] == outer


def test_of_several_proxies_the_outermost_of_our_own_knows_the_outer_url() -> None:
    asked = scope(
        host="inner",
        x_forwarded_for="1.1.1.1, 198.51.100.7, 10.2.2.2",
        x_forwarded_host="forged, code.example, middle",
        x_forwarded_proto="http, https, http",
    )
    assert outside().seen(asked)[OUTER] == "https://code.example/oad"


@pytest.mark.parametrize(
    ("value", "client", "outer"),
    [
        ("for=198.51.100.7;proto=https;host=code.example", "198.51.100.7", "https://code.example/oad"),
        ('For="[2001:db8::1]:4711";Host="code.example:8443"', "2001:db8::1", "http://code.example:8443/oad"),
        ("for=1.1.1.1;host=forged, for=198.51.100.7;proto=https, for=10.2.2.2", "198.51.100.7", "https://inner/oad"),
        ("for=1.1.1.1, for=_hidden", PROXY, "http://inner/oad"),
        ('for=1.1.1.1;host="unterminated', PROXY, "http://inner/oad"),
        ("nonsense", PROXY, "http://inner/oad"),
    ],
)
def test_the_standard_header(value: str, client: str, outer: str) -> None:
    seen = outside("forwarded").seen(scope(host="inner", forwarded=value, x_forwarded_for="6.6.6.6"))
    assert (client_of(seen), seen[OUTER]) == (client, outer)


def test_only_one_family_of_headers_is_believed() -> None:
    asked = scope(forwarded="for=6.6.6.6;host=evil", x_forwarded_for="198.51.100.7", host="inner")
    assert client_of(outside().seen(asked)) == "198.51.100.7"


def test_host_of_an_outer_url() -> None:
    assert host_of("https://code.example:8443/oad") == "code.example:8443"
    assert host_of("") == ""


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/33", ""])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(BadProxy):
        parse_proxies([text])


OURS = Forwarding("/oad", ("127.0.0.1",))
VIA = {"x-forwarded-for": "198.51.100.7", "x-forwarded-host": "code.example", "x-forwarded-proto": "https"}


async def test_the_daemon_hears_of_the_client_and_of_the_outer_url(tmp_path: Path) -> None:
    async with standing(tmp_path, forwarding=OURS) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        await client.get("/oad/session", headers=VIA)
        await client.get("/session")
    asked, direct = (call.origin for call in stand.daemon.calls)
    assert asked and direct
    assert (asked.address, asked.outer) == ("198.51.100.7", "https://code.example/oad")
    assert (direct.address, direct.outer) == ("127.0.0.1", f"{stand.url}/oad")


async def test_a_proxy_on_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "http.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        descriptor = os.dup(listener.fileno())
    transport = httpx2.AsyncHTTPTransport(uds=path)
    settings = {"forwarding": Forwarding("/oad", ("unix",)), "descriptor": descriptor}
    async with (
        standing(tmp_path, **settings) as stand,
        httpx2.AsyncClient(base_url="http://localhost", transport=transport) as client,
    ):
        await client.get("/oad/session", headers=VIA)
    (origin,) = (call.origin for call in stand.daemon.calls)
    assert origin and (origin.address, origin.outer) == ("198.51.100.7", "https://code.example/oad")


async def test_a_page_of_the_outer_origin_may_change_things(tmp_path: Path) -> None:
    async with standing(tmp_path, forwarding=OURS) as stand, httpx2.AsyncClient(base_url=stand.url) as client:

        async def status(origin: str, headers: dict[str, str]) -> int:
            return (await client.post("/oad/session", json={}, headers={"origin": origin, **headers})).status_code

        assert await status("https://code.example", VIA) == 200
        assert await status("https://evil.example", VIA) == 403
        assert await status("https://code.example", {}) == 403


async def test_wrong_credentials_count_for_the_client_and_not_for_the_proxy(tmp_path: Path) -> None:
    wrong = {"authorization": "Basic " + base64.b64encode(b"opencode:no").decode()}
    settings = {"forwarding": OURS, "credentials": Credential(password="right")}
    async with standing(tmp_path, **settings) as stand, httpx2.AsyncClient(base_url=stand.url) as client:

        async def status(address: str) -> int:
            return (await client.get("/session", headers={**wrong, "x-forwarded-for": address})).status_code

        assert {await status("198.51.100.7") for _ in range(MAX_FAILURES)} == {401}
        assert await status("198.51.100.7") == 429
        assert await status("198.51.100.8") == 401


async def test_answers_without_proxies_are_as_before(stand: Stand, client: httpx2.AsyncClient) -> None:
    async def origin(call: Call, body: bytes) -> Answer:
        assert call.origin
        return Answer(msgspec.json.encode([call.origin.address, call.origin.outer]))

    stand.daemon.handler = origin
    assert (await client.get("/session", headers=VIA)).json() == ["127.0.0.1", ""]
    assert (await client.get("/oad/session")).status_code == 404
