"""A server below /oad/ behind a real nginx and a real Caddy, with the configuration files that are shipped."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import trio

from .marks import alive
from .pty_client import connected, create
from .reverse_proxy import BASE, PROXIES, Fronted, program
from .server import Json, Server, until
from .test_audit import lines

PASSWORD = "open sesame"
SETTINGS = f'[server]\nbase_path = "{BASE}"\ntrusted_proxies = ["127.0.0.1"]\n[shell]\nrestricted = false\n'
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def inner() -> Iterator[Server]:
    """The server, as its proxies reach it."""
    place = Path(tempfile.mkdtemp(prefix="oad-e2e-"))
    (place / "project").mkdir()
    (place / "oad.toml").write_text(SETTINGS)
    server = Server(place, place / "project", environment={"OPENCODE_SERVER_PASSWORD": PASSWORD})
    try:
        trio.run(server.start, "--config", str(place / "oad.toml"))
        yield server
    finally:
        server.discard()
        print(server.logged())
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module", params=PROXIES)
def fronted(inner: Server, request: pytest.FixtureRequest) -> Iterator[Fronted]:
    """The same server, as clients reach it."""
    if program(request.param) is None:
        pytest.skip(f"{request.param} is not installed (the package {request.param})")
    place = Path(tempfile.mkdtemp(prefix="oad-proxy-"))
    with PROXIES[request.param](place, urlsplit(inner.url).netloc) as url:
        yield Fronted(inner, url)
    shutil.rmtree(place, ignore_errors=True)


def readers(server: Server) -> int:
    """Connections to the gateway."""
    port = urlsplit(server.url).port
    found = [each for gateway in server.named("oad-gateway") for each in gateway.net_connections("tcp")]
    return sum(each.laddr.port == port and each.status == "ESTABLISHED" for each in found)


async def test_an_event_arrives_at_once(inner: Server, fronted: Fronted) -> None:
    session = await inner.create()
    async with fronted.events() as events:
        for number in range(5):
            title = f"title {number}"
            start = time.monotonic()
            await inner.ask("PATCH", f"/session/{session}", {"title": title})
            await events.until(lambda event, title=title: event["properties"].get("info", {}).get("title") == title)  # type: ignore[misc]
            assert time.monotonic() - start < 1


async def test_a_prompt_streams_and_a_command_is_stopped(fronted: Fronted) -> None:
    session, mark = await fronted.create(), f"8613{time.monotonic_ns() % 100_000:05d}"
    async with fronted.events() as events:
        answer = await fronted.prompt(session, "run echo through the proxy")
        assert "through the proxy" in str(answer["parts"])
        assert "message.part.updated" in events.types()
        await fronted.prompt_async(session, f"run sleep {mark}")
        await until(lambda: bool(alive(mark)), "the command runs")
        assert await fronted.ask("POST", f"/session/{session}/abort") is True
        assert alive(mark) == []
        await events.until(lambda event: event["type"] == "session.idle")


async def test_a_terminal(fronted: Fronted) -> None:
    pty = await create(fronted, "/bin/sh", env={"PS1": "$ ", "ENV": ""})
    outer = urlsplit(fronted.url)
    page = {**fronted.authorization(), "origin": f"{outer.scheme}://{outer.netloc}"}
    async with connected(fronted, pty, headers=page, path=f"{BASE}/pty") as client:
        await client.type("echo one-$((1+1))\n")
        await client.sees("one-2\r\n")


async def upload(server: Server, session: str, size: int) -> httpx2.Response:
    body: Json = {"noReply": True, "parts": [{"type": "text", "text": "x" * size}]}
    async with server.client() as client:
        return await client.post(f"/session/{session}/message", json=body)


async def test_large_uploads_arrive_and_larger_ones_are_refused(fronted: Fronted) -> None:
    session = await fronted.create()
    assert (await upload(fronted, session, 20 * MEGABYTE)).status_code == 200
    assert (await upload(fronted, session, 40 * MEGABYTE)).status_code == 413
    (message,) = await fronted.messages(session)
    assert len(message["parts"][0]["text"]) == 20 * MEGABYTE
    await fronted.ask("DELETE", f"/session/{session}")


async def test_who_leaves_frees_their_reader(inner: Server, fronted: Fronted) -> None:
    async with contextlib.AsyncExitStack() as streams:
        for _ in range(15):
            await streams.enter_async_context(fronted.events())
        assert readers(inner) >= 15
    # Connections that are kept for later requests may stay.
    await until(lambda: readers(inner) <= 7, "the readers are gone")


async def ask_from(address: str, server: Server, password: str, method: str, path: str) -> httpx2.Response:
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    login = ("opencode", password)
    async with httpx2.AsyncClient(base_url=server.url, auth=login, transport=transport, timeout=30) as client:
        return await client.request(method, path, headers={"x-forwarded-for": "203.0.113.9"})


async def test_the_audit_log_has_the_client_and_not_the_proxy(inner: Server, fronted: Fronted) -> None:
    made = (await ask_from("127.0.0.2", fronted, PASSWORD, "POST", "/session")).json()

    def recorded() -> list[Json]:
        return [line for line in lines(inner) if line.get("op") == "session.create" and line["address"] == "127.0.0.2"]

    await until(lambda: bool(recorded()), "the request is recorded")
    await fronted.ask("DELETE", f"/session/{made['id']}")


async def test_wrong_passwords_are_counted_for_the_client(fronted: Fronted) -> None:
    port = urlsplit(fronted.url).port or 0
    mine = f"127.1.{port >> 8}.{port & 255}"  # another one for each proxy: the count lasts for a minute
    found = [(await ask_from(mine, fronted, "wrong", "GET", "/session")).status_code for _ in range(21)]
    assert found[-1] == 429
    assert (await ask_from("127.0.0.3", fronted, PASSWORD, "GET", "/session")).status_code == 200


async def test_a_link_leads_through_the_proxy(fronted: Fronted) -> None:
    session = await fronted.create(title="shown to others")
    url = (await fronted.ask("POST", f"/session/{session}/share"))["share"]["url"]
    assert url.startswith(f"{fronted.url}/share/")
    async with httpx2.AsyncClient() as client:
        page = await client.get(url)
    assert page.status_code == 200 and "shown to others" in page.text


async def test_the_command_line_goes_through_it(fronted: Fronted) -> None:
    command = [sys.executable, "-m", "oad.cli.main", "run", "--attach", fronted.url, "--password", PASSWORD]
    done = await trio.run_process([*command, "run echo by way of"], capture_stdout=True, stdin=subprocess.DEVNULL)
    assert "by way of" in done.stdout.decode()
