"""The network of a session's commands, for root and for an unprivileged user; each denial beside what it denies."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from process_host import NOBODY, Host, Session

from oad.proxy.main import open_door

# An unprivileged user may not be able to reach this interpreter.
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
OpenSession = Callable[..., Session]

# Prints what a connection of each kind says; the last argument is the port of a server on the host's loopback.
PROBE = """
import socket, sys
def attempt(name, act):
    try:
        print(name, act())
    except OSError as error:
        print(name, "denied", error.errno)
port = int(sys.argv[1])
def tcp():
    with socket.create_connection(("127.0.0.1", port), 2) as s: return s.recv(9).decode()
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.connect(("192.0.2.1", 53)); return s.send(b"x")
def abstract():
    with socket.socket(socket.AF_UNIX) as s: s.connect("\\0" + sys.argv[2]); return s.recv(9).decode()
def own():
    with socket.create_server(("127.0.0.1", 0)) as l, socket.create_connection(l.getsockname()): return "works"
for act in (tcp, udp, abstract, own): attempt(act.__name__, act)
"""


@pytest.fixture(params=[0, NOBODY], ids=["root", "nobody"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    if os.getuid() and request.param:
        pytest.skip("only root can become somebody else")
    host = Host(request.param, "any")
    yield host
    host.close()


@pytest.fixture
def greeter() -> Iterator[tuple[int, str]]:
    """Servers of the host, on loopback and on an abstract Unix socket, that say "greetings" to whoever comes."""
    name = f"oad-greeter-{os.getpid()}"
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0" + name)
    abstract.listen()
    tcp = socket.create_server(("127.0.0.1", 0))
    for listener in (abstract, tcp):
        threading.Thread(target=_greet, args=(listener,), daemon=True).start()
    yield tcp.getsockname()[1], name
    for listener in (abstract, tcp):
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _greet(listener: socket.socket) -> None:
    try:
        while True:
            with listener.accept()[0] as client:
                client.sendall(b"greetings")
    except OSError:
        return


def probe(session: Session, greeter: tuple[int, str]) -> dict[str, str]:
    result = session.run(PYTHON, "-c", PROBE, str(greeter[0]), greeter[1])
    return dict(line.split(" ", 1) for line in result["out"].splitlines())


@pytest.mark.parametrize("mode", ["on", "off", "allow"])
def test_what_commands_reach(host: Host, open_session: OpenSession, greeter: tuple[int, str], mode: str) -> None:
    session = open_session(host, network=mode, proxy="/nonexistent", allow=[])
    seen = probe(session, greeter)
    assert seen.pop("own") == "works"
    if mode == "on":
        assert (seen["tcp"], seen["abstract"]) == ("greetings", "greetings")
    else:
        assert set(seen.values()) == {"denied 111", "denied 101"}, seen  # nobody there, and no way out


def test_commands_of_a_session_share_their_loopback(host: Host, open_session: OpenSession) -> None:
    session, other = open_session(host, network="off"), open_session(host, network="off")
    server = session.start(PYTHON, "-c", _SERVE_ONCE)
    session.expect("out", id=server, holds="ready")
    assert other.run(PYTHON, "-c", _FETCH)["exit"] == 1
    assert session.run(PYTHON, "-c", _FETCH)["out"] == "from within\n"


_SERVE_ONCE = """
import socket
with socket.create_server(("127.0.0.1", 4999)) as l:
    print("ready", flush=True)
    with l.accept()[0] as s: s.sendall(b"from within")
"""
_FETCH = """
import socket
with socket.create_connection(("127.0.0.1", 4999)) as s: print(s.recv(99).decode())
"""


class RunningProxy:
    """``oad-proxy`` as its parent runs it: the door stays open while it is restarted."""

    def __init__(self, place: Path) -> None:
        self.path = place / "proxy.sock"
        self._door = open_door(self.path)
        self.path.chmod(0o666)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        code = (
            "import socket, sys; from oad.proxy.main import run_proxy; from oad.proxy.settings import ProxySettings; "
            "run_proxy(ProxySettings(), socket.socket(fileno=int(sys.argv[1])))"
        )
        fd = self._door.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(fd)], pass_fds=[fd], stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        self._door.close()


@pytest.fixture
def proxy() -> Iterator[RunningProxy]:
    place = Path(tempfile.mkdtemp(prefix="oad-"))
    place.chmod(0o755)
    proxy = RunningProxy(place)
    yield proxy
    proxy.close()
    shutil.rmtree(place)


_CONNECT = """
import socket, sys
with socket.create_connection(("127.0.0.1", 3128), 10) as s:
    s.sendall(f"CONNECT {sys.argv[1]} HTTP/1.1\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
    with s.makefile("rb") as f:
        print(f.readline().split()[1].decode())
        while f.readline().strip(): pass
        print(f.read(9).decode())
"""


def test_the_proxy_is_the_only_way_out(
    host: Host, open_session: OpenSession, greeter: tuple[int, str], proxy: RunningProxy
) -> None:
    port, _ = greeter
    session = open_session(host, network="allow", proxy=str(proxy.path), allow=[[f"127.0.0.1:{port}"]])

    def connect(target: str) -> list[str]:
        return str(session.run(PYTHON, "-c", _CONNECT, target)["out"]).split()

    assert connect(f"127.0.0.1:{port}") == ["200", "greetings"]
    assert connect(f"127.0.0.1:{port - 1}")[0] == "403"
    assert connect("169.254.169.254:80")[0] == "403"
    assert set(probe(session, greeter).values()) == {"denied 111", "denied 101", "works"}
    # It dies while it is used, and its successor serves whoever came in between.
    waiting = session.start(PYTHON, "-c", _CONNECT, f"127.0.0.1:{port}")
    session.expect("outcome", id=waiting)
    proxy.kill()
    waiting = session.start(PYTHON, "-c", _CONNECT, f"127.0.0.1:{port}")
    proxy.start()
    session.expect("outcome", id=waiting)
    assert session.output(waiting).split() == ["200", "greetings"]


def test_variables_lead_to_the_proxy_and_none_of_the_operators_remain(host: Host, open_session: OpenSession) -> None:
    given = {"https_proxy": "http://corporate.test:3128", "A": "1"}
    off = open_session(host, network="off").run("/usr/bin/env", env=given)["out"]
    assert off == "A=1\n"
    allow = open_session(host, network="allow", proxy="/nonexistent", allow=[["a.test"]])
    assert "https_proxy=http://127.0.0.1:3128\n" in allow.run("/usr/bin/env", env=given)["out"]
    assert "corporate" in open_session(host).run("/usr/bin/env", env=given)["out"]


def test_what_cannot_be_enforced_is_refused_by_name(open_session: OpenSession) -> None:
    if os.getuid():
        pytest.skip("only root can become somebody else")
    host = Host(NOBODY, "subreaper")  # without a user namespace it may not make a network
    try:
        result = open_session(host, network="off").run("true")
        assert result["event"] == "failed"
        assert "the network policy 'off' can't be enforced" in result["text"]
        assert "make a network namespace: Operation not permitted" in result["text"]
        assert open_session(host).run("true")["exit"] == 0
    finally:
        host.close()
