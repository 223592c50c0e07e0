"""A client that costs little, so that what is measured is the server."""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

Json = Any
_PATIENCE_S = 60.0
_STAMP = re.compile(rb"\d{19}")


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int, directory: str) -> None:
        self.directory = directory
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        self._headers = {"x-opencode-directory": directory, "content-type": "application/json"}

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        data = self._send(method, path, body)
        return json.loads(data) if data else None

    def read(self, path: str) -> bytes:
        """A GET whose answer is not looked into: reading a long one takes longer than making it."""
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, body: Json) -> bytes:
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, self._headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500]!r}")
        return data

    def create(self) -> str:
        return str(self.ask("POST", "/session", {})["id"])

    def prompt(self, session: str, text: str) -> Json:
        answer = self.ask("POST", f"/session/{session}/message", {"parts": [{"type": "text", "text": text}]})
        if answer["info"].get("error"):
            raise RuntimeError(f"the turn failed: {answer['info']['error']}")
        return answer

    def prompt_async(self, session: str, text: str) -> None:
        self.ask("POST", f"/session/{session}/prompt_async", {"parts": [{"type": "text", "text": text}]})

    def close(self) -> None:
        self._connection.close()


class Stream:
    """A reader of /event with a thread of its own. ``latencies_ms``: of every token that carries the time of its
    making, from then to its reading."""

    def __init__(self, port: int, directory: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        request = f"GET /event HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-opencode-directory: {directory}\r\n\r\n"
        self._socket.sendall(request.encode())
        self._news = threading.Condition()
        self._idle: dict[str, int] = {}
        self.tokens = 0
        self.latencies_ms: list[float] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._connected = threading.Event()
        self._thread.start()
        if not self._connected.wait(_PATIENCE_S):
            raise RuntimeError("no event stream")

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except OSError:
                return
            if not data:
                return
            now = time.time_ns()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    self._take(line, now)

    def _take(self, line: bytes, now: int) -> None:
        if b'"message.part.delta"' in line:
            stamps = _STAMP.findall(line.partition(b'"delta"')[2])
            self.latencies_ms += [(now - int(stamp)) / 1e6 for stamp in stamps]
            self.tokens += len(stamps)
        elif b'"session.idle"' in line:
            session = json.loads(line[5:])["properties"]["sessionID"]
            with self._news:
                self._idle[session] = self._idle.get(session, 0) + 1
                self._news.notify_all()
        elif b'"server.connected"' in line:
            self._connected.set()

    def idles(self, session: str) -> int:
        return self._idle.get(session, 0)

    def wait_idle(self, session: str, times: int) -> None:
        """Until this stream has seen the session become idle so often. The reference answers a prompt before that."""
        self._wait(lambda: self.idles(session) >= times)

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._news:
            if not self._news.wait_for(condition, _PATIENCE_S):
                raise RuntimeError("the event did not come")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
