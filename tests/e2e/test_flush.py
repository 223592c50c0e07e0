"""When a prompt is answered, all its events are in the readers' sockets already: who leaves then has missed none."""

import json
import socket
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

import pytest
import trio

from .model import Model
from .server import Server


class Reader:
    """An event stream, read without ever waiting."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=10)
        self._socket.sendall(b"GET /event HTTP/1.1\r\nhost: localhost\r\n\r\n")
        self._read = b""
        while b"server.connected" not in self._read:
            self._read += self._socket.recv(65536)
        self._socket.setblocking(False)

    def has(self, text: bytes) -> bool:
        try:
            while data := self._socket.recv(65536):
                self._read += data
        except BlockingIOError:
            pass
        return text in self._read

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=[1, 2], ids=["one gateway", "two gateways"])
def server(request: pytest.FixtureRequest, make_server: Callable[..., Server], model: Model) -> Iterator[Server]:
    server = make_server()
    (server.project / "opencode.json").write_text(json.dumps(model.configuration()))
    trio.run(server.start, "--gateways", str(request.param))
    yield server
    server.discard()


def post(server: Server, path: str, body: object) -> bytes:
    with urlopen(Request(server.url + path, data=json.dumps(body).encode()), timeout=30) as answer:
        data: bytes = answer.read()
        return data


def test_every_reader_has_every_event(server: Server, model: Model) -> None:
    model.register(flush=[{"text": "word " * 200, "chunks": 200}])
    readers = [Reader(server.url) for _ in range(8)]
    late: list[tuple[int, int]] = []
    for turn in range(12):
        session = json.loads(post(server, "/session", {}))["id"]
        post(server, f"/session/{session}/message", {"parts": [{"type": "text", "text": "script:flush"}]})
        wanted = b'"type":"session.idle","properties":{"sessionID":"%b"' % session.encode()
        late += [(turn, number) for number, reader in enumerate(readers) if not reader.has(wanted)]
    for reader in readers:
        assert reader.has(b"session.idle")
        reader.close()
    assert late == []
