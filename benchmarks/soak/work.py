"""The work: sessions that live for some turns, in several lanes side by side, and clients that come and go."""

import contextlib
import os
import random
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .. import processes
from ..client import Client, Json
from ..servers import Oad
from .terminal import look_at_terminal

SCRIPTS: dict[str, list[Json]] = {
    "words": [{"text": "An answer of a few words, said in some pieces.", "chunks": 5}],
    "command": [
        {"tools": [{"name": "bash", "args": {"command": "echo soak; seq 200", "description": "Counts"}}]},
        {"text": "Done."},
    ],
    "file": [
        {"tools": [{"name": "write", "args": {"filePath": "note.txt", "content": "one\ntwo\n"}}]},
        {"tools": [{"name": "read", "args": {"filePath": "note.txt"}}]},
        {"text": "Written and read."},
    ],
    "slow": [{"tools": [{"name": "bash", "args": {"command": "sleep 60", "description": "Waits"}}]}, {"text": "No."}],
}
_TURNS_EACH = (4, 16)  # of a session's life
_CRASH_EVERY_S = 15.0
_PATIENCE_S = 60.0
_LOOK_S = 0.01


class Gate:
    """Open while there is to be work. ``turns`` counts what was done, ``failures`` what went wrong."""

    def __init__(self) -> None:
        self.turns = 0
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self.ended = threading.Event()
        self._open = threading.Event()
        self._lock = threading.Lock()
        self._next_crash = time.monotonic() + _CRASH_EVERY_S
        self._working = 0

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        """Returns when everybody has come to the end of a life."""
        self._open.clear()
        deadline = time.monotonic() + 2 * _PATIENCE_S
        while self._working and time.monotonic() < deadline:
            time.sleep(_LOOK_S)

    def enter(self) -> bool:
        """Waits until there is to be work; false at the end."""
        while not self._open.wait(0.1):
            if self.ended.is_set():
                return False
        with self._lock:
            self._working += 1
        return not self.ended.is_set()

    def leave(self) -> None:
        with self._lock:
            self._working -= 1

    def count(self, what: str, turns: int = 0) -> None:
        with self._lock:
            self.done[what] += 1
            self.turns += turns

    def may_crash(self) -> bool:
        with self._lock:
            if time.monotonic() < self._next_crash:
                return False
            self._next_crash = time.monotonic() + _CRASH_EVERY_S
            return True


def run_lane(server: Oad, gate: Gate, number: int, pids: Callable[[], list[int]]) -> None:
    """One life after another, until the end. A failure is noted, and the next life begins."""
    chance = random.Random(number)  # the same work in every run
    while gate.enter():
        client = server.client()
        try:
            _live(server, client, gate, chance, pids)
        except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
            gate.failures.append(f"{type(error).__name__}: {str(error)[:300]}")
        finally:
            client.close()
            gate.leave()


def _live(server: Oad, client: Client, gate: Gate, chance: random.Random, pids: Callable[[], list[int]]) -> None:
    session = client.create()
    gate.count("sessions")
    for _ in range(chance.randint(*_TURNS_EACH)):
        kind = chance.choices(("words", "command", "file", "shell", "abort"), (55, 22, 10, 6, 7))[0]
        _turn(client, session, kind)
        gate.count(kind, turns=1)
    if chance.random() < 0.15:
        look_at_terminal(server.port, client)
        gate.count("terminals")
    if gate.may_crash():
        _crash(client, session, pids())
        gate.count("crashes", turns=1)
    client.ask("GET", f"/session/{session}/message")
    client.ask("DELETE", f"/session/{session}")


def _turn(client: Client, session: str, kind: str) -> None:
    if kind == "abort":
        client.prompt_async(session, "script:slow")
        _until(lambda: session in client.ask("GET", "/session/status"), "the turn runs")
        client.ask("POST", f"/session/{session}/abort")
    elif kind == "shell":
        client.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": "echo direct"})
    else:
        client.prompt(session, f"script:{kind}")


def _crash(client: Client, session: str, pids: list[int]) -> None:
    """The session's worker is killed in a turn; the next prompt gets another one."""
    client.prompt_async(session, "script:slow")
    _until(lambda: session in client.ask("GET", "/session/status"), "the turn runs")
    for pid in pids:
        words = processes.title(pid).split()
        if words[:1] == ["oad-session"] and words[-1:] == ["worker"] and session.startswith(words[1].rstrip("…")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    _until(lambda: session not in client.ask("GET", "/session/status"), "the turn is closed")
    client.prompt(session, "script:words")


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it did not happen that {what}")
        time.sleep(_LOOK_S)


def run_reader(server: Oad, gate: Gate, number: int) -> None:
    """Event streams that are opened and left: in order, broken off with a reset, or read slowly."""
    chance = random.Random(1000 + number)
    while gate.enter():
        try:
            _listen(server, chance)
            gate.count("readers")
        except OSError as error:
            gate.failures.append(f"reader: {error}")
        finally:
            gate.leave()


def _listen(server: Oad, chance: random.Random) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=_PATIENCE_S) as sock:
        path = chance.choice(("/event", "/global/event"))
        last = f"Last-Event-ID: {chance.randint(1, 500)}\r\n" if chance.random() < 0.2 else ""
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n{last}"
            f"x-opencode-directory: {server.project}\r\n\r\n".encode()
        )
        end = time.monotonic() + chance.uniform(0.05, 2.0)
        while time.monotonic() < end and sock.recv(1 << 14):
            time.sleep(chance.choice((0, 0, 0.05)))
        if chance.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def data_of(server: Oad) -> Path:
    return server.place / "data"
