"""The network policy from oad.toml to a command of a session, and to what the model is told."""

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .server import Server, kill, until
from .test_audit import lines


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://denied.test/")
        else:
            self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        if self.path != "/away":
            self.wfile.write(b"a page of the host")

    def log_message(self, format: str, *args: object) -> None:
        """Not to the test's output."""


@pytest.fixture
def page() -> Iterator[int]:
    """A server on the host's loopback; its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


async def configured(make_server: Callable[..., Server], place: Path, network: str) -> Server:
    file = place / "oad.toml"
    file.write_text(f"[network]\n{network}\n")
    server = make_server()
    await server.start("--config", str(file))
    return server


async def run(server: Server, session: str, command: str) -> str:
    await server.prompt(session, f"run {command}")
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    return str([part for part in parts if part["type"] == "tool"][-1]["state"]["output"])


def curl(url: str) -> str:
    return f"curl -sS -m 10 {url}"


async def test_off(make_server: Callable[..., Server], place: Path, page: int) -> None:
    server = await configured(make_server, place, 'mode = "off"')
    session = await server.create(title="off")
    denied = await run(server, session, f"{curl(f'http://127.0.0.1:{page}/')}; {curl('http://a.test/')}")
    assert "a page" not in denied
    assert "The network policy of this session is 'off'" in denied
    assert "network of sessions: off" in server.log.read_text()


async def test_on_is_the_control_and_a_session_may_ask_for_less(
    make_server: Callable[..., Server], place: Path, page: int
) -> None:
    server = await configured(make_server, place, 'mode = "on"')
    free = await server.create(title="on")
    assert "a page of the host" in await run(server, free, curl(f"http://127.0.0.1:{page}/"))
    await server.ask("PATCH", f"/session/{free}", {"sandbox": {"network": "off"}})
    assert "a page" not in await run(server, free, curl(f"http://127.0.0.1:{page}/again"))
    listed = await server.create(title="listed", sandbox={"allow": [f"127.0.0.1:{page}"]})
    assert "a page of the host" in await run(server, listed, curl(f"http://127.0.0.1:{page}/"))
    assert "denied: denied.test:80 (not on the allow list)" in await run(server, listed, curl("http://denied.test/"))


async def test_allow_and_a_proxy_that_is_killed(make_server: Callable[..., Server], place: Path, page: int) -> None:
    server = await configured(make_server, place, f'mode = "allow"\nallow = ["127.0.0.1:{page}"]')
    session = await server.create(title="allow", sandbox={"network": "on", "allow": ["*.test"]})
    assert "not on the allow list" in await run(server, session, curl(f"http://127.0.0.1:{page}/"))
    session = await server.create(title="allow", sandbox={"network": "on"})
    assert "a page of the host" in await run(server, session, curl(f"http://127.0.0.1:{page}/"))
    redirected = await run(server, session, f"curl -sSL -m 10 http://127.0.0.1:{page}/away")
    assert "denied: denied.test:80" in redirected
    bypassing = await run(server, session, f"curl -sS -m 10 --noproxy '*' http://127.0.0.1:{page}/ http://192.0.2.1/")
    assert "a page" not in bypassing
    proxy = server.one("oad-proxy")
    if os.getuid() == 0:
        assert (proxy.uids().real, proxy.uids().saved, proxy.gids().real) == (65534, 65534, 65534)
    recorded = [line for line in lines(server) if line["action"] == "network.decision"]
    assert {(line["host"], line["decision"]) for line in recorded} == {
        ("127.0.0.1", "allowed"),
        ("127.0.0.1", "denied"),
        ("denied.test", "denied"),
    }
    assert {line["session"] for line in recorded if line["decision"] == "denied" and line["host"] == "denied.test"} == {
        session
    }
    kill(proxy)
    await until(lambda: bool(server.named("oad-proxy")), "the proxy is back")
    assert "a page of the host" in await run(server, session, curl(f"http://127.0.0.1:{page}/"))


async def test_a_list_that_means_nothing_is_refused(make_server: Callable[..., Server], place: Path) -> None:
    server = make_server()
    await server.start()
    await server.ask("POST", "/session", {"sandbox": {"allow": ["http://a.test"]}}, status=400)
    await server.ask("PATCH", f"/session/{await server.create()}", {"sandbox": {"allow": ["a b"]}}, status=400)
