"""Reading much: a long list of sessions, a long transcript, a search in many files."""

import threading
import time

from .arena import Arena, Benchmark
from .client import Client
from .results import Goal
from .servers import Server

_SESSIONS = 500
_MESSAGES = 1000
_FILES = 20_000
_PER_DIRECTORY = 100
_WARM_UP = 3
_REQUESTS = 40
_CLIENTS = 4
_SEARCHES = 5

SESSIONS = Goal("GET /session of 500", "/s", factor=2, rate=True)
SESSIONS_MANY = Goal("GET /session of 500, 4 clients", "/s", factor=2, rate=True)
SESSIONS_ALL = Goal("GET /session?limit=1000 of 500", "/s", rate=True)
MESSAGES = Goal("GET message of 1000", "/s", factor=2, rate=True)
MESSAGES_MANY = Goal("GET message of 1000, 4 clients", "/s", factor=2, rate=True)
MESSAGES_PAGE = Goal("GET message?limit=100 of 1000", "/s", rate=True)
FIND = Goal("GET /find in 20000 files", "ms", factor=1)
FIND_MANY = Goal("GET /find of a common word", "ms", factor=1)
FIND_FILE = Goal("GET /find/file in 20000 files", "ms", factor=1)


def _sessions(arena: Arena) -> None:
    with arena.running() as servers:
        for server in servers:
            client = server.client()
            for number in range(_SESSIONS):
                client.ask("POST", "/session", {"title": f"Session number {number}"})
            client.close()
        for server in _turns(arena, servers):
            arena.add(server, SESSIONS, _rate(server, "/session", 1))
            arena.add(server, SESSIONS_MANY, _rate(server, "/session", _CLIENTS))
            arena.add(server, SESSIONS_ALL, _rate(server, "/session?limit=1000", 1))


def _messages(arena: Arena) -> None:
    with arena.running() as servers:
        paths = {server.name: _transcript(server.client()) for server in servers}
        for server in _turns(arena, servers):
            path = paths[server.name]
            arena.add(server, MESSAGES, _rate(server, path, 1))
            arena.add(server, MESSAGES_MANY, _rate(server, path, _CLIENTS))
            arena.add(server, MESSAGES_PAGE, _rate(server, path + "?limit=100", 1))


def _transcript(client: Client) -> str:
    """The path of a session's messages. They are prompts without an answer, which both servers take quickly."""
    path = f"/session/{client.create()}/message"
    for number in range(_MESSAGES):
        text = f"Message number {number} says what messages say: " + "a word and another " * 20
        client.ask("POST", path, {"noReply": True, "parts": [{"type": "text", "text": text}]})
    client.close()
    return path


def _search(arena: Arena) -> None:
    with arena.running() as servers:
        for server in servers:
            _plant(server)
        for server in _turns(arena, servers):
            client = server.client()
            for _ in range(_SEARCHES):
                arena.add(server, FIND, _timed(client, "/find?pattern=needle_in_the_hay"))
                arena.add(server, FIND_MANY, _timed(client, "/find?pattern=common"))
                arena.add(server, FIND_FILE, _timed(client, "/find/file?query=file_77&limit=50"))
            client.close()


def _plant(server: Server) -> None:
    for number in range(_FILES):
        directory = server.project / f"part_{number // _PER_DIRECTORY % 20}" / f"directory_{number // _PER_DIRECTORY}"
        directory.mkdir(parents=True, exist_ok=True)
        needle = "needle_in_the_hay\n" if number % 1000 == 0 else ""
        (directory / f"file_{number}.py").write_text(f"common = {number}\n" * 20 + needle)


def _turns(arena: Arena, servers: list[Server]) -> list[Server]:
    """A/B/A/B, as often as asked for."""
    return servers * arena.rounds


def _rate(server: Server, path: str, clients: int) -> float:
    """Requests per second of so many clients, each on a connection that is kept."""
    start = threading.Barrier(clients + 1)
    threads = [threading.Thread(target=_ask, args=(server.client(), path, start)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return clients * _REQUESTS / (time.perf_counter() - began)


def _ask(client: Client, path: str, start: threading.Barrier) -> None:
    for _ in range(_WARM_UP):
        client.read(path)
    start.wait()
    for _ in range(_REQUESTS):
        client.read(path)
    client.close()


def _timed(client: Client, path: str) -> float:
    began = time.perf_counter()
    client.ask("GET", path)
    return (time.perf_counter() - began) * 1000


BENCHMARKS = {
    "sessions": Benchmark([SESSIONS, SESSIONS_MANY, SESSIONS_ALL], _sessions),
    "messages": Benchmark([MESSAGES, MESSAGES_MANY, MESSAGES_PAGE], _messages),
    "search": Benchmark([FIND, FIND_MANY, FIND_FILE], _search),
}
