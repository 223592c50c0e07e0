"""Turns with a model that answers at once: time, CPU, many side by side, and with a command."""

import threading
import time

from .arena import Arena, Benchmark
from .client import Client
from .results import Goal
from .servers import Server

_TURNS = 15
_SESSIONS = 20
_TURNS_EACH = 5

TURN = Goal("turn, instant model", "ms", factor=1 / 5)
TURN_CPU = Goal("CPU of a turn", "ms", factor=1 / 6)
RATE = Goal("turns/s of 20 sessions", "/s", factor=6, rate=True)
RATE_FIRST = Goal("first turns/s of 20 new sessions", "/s", rate=True)
RATE_CPU = Goal("CPU of such a turn", "ms")
BASH = Goal("turn with a bash step", "ms", factor=1 / 4)
FIRST = Goal("first turn of a session", "ms")


def _turn(arena: Arena) -> None:
    arena.model.register(instant=[{"text": "An answer of a few words.", "chunks": 5}])

    def measure(server: Server) -> None:
        client, stream = server.client(), server.stream()
        session = client.create()
        arena.add(server, FIRST, _timed(client, session, "script:instant"))
        client.prompt(session, "script:instant")
        before = server.cpu_s()
        arena.add(server, TURN, *(_timed(client, session, "script:instant") for _ in range(_TURNS)))
        arena.add(server, TURN_CPU, (server.cpu_s() - before) / _TURNS * 1000)
        stream.close()
        client.close()

    arena.alternate(measure)


def _timed(client: Client, session: str, text: str) -> float:
    began = time.perf_counter()
    client.prompt(session, text)
    return (time.perf_counter() - began) * 1000


def _bash(arena: Arena) -> None:
    call = {"name": "bash", "args": {"command": "true", "description": "Does nothing"}}
    arena.model.register(command=[{"tools": [call]}, {"text": "Done."}])

    def measure(server: Server) -> None:
        client, stream = server.client(), server.stream()
        session = client.create()
        client.prompt(session, "script:command")
        arena.add(server, BASH, *(_timed(client, session, "script:command") for _ in range(_TURNS)))
        stream.close()
        client.close()

    arena.alternate(measure)


def _parallel(arena: Arena) -> None:
    arena.model.register(instant=[{"text": "An answer of a few words.", "chunks": 5}])

    def measure(server: Server) -> None:
        clients = [server.client() for _ in range(_SESSIONS)]
        stream = server.stream()
        sessions = [client.create() for client in clients]
        # The first turn starts the session's worker and asks for a title.
        arena.add(server, RATE_FIRST, _SESSIONS / _side_by_side(clients, sessions, 1))
        for session in sessions:
            stream.wait_idle(session, 1)
        before = server.cpu_s()
        took = _side_by_side(clients, sessions, _TURNS_EACH)
        arena.add(server, RATE, _SESSIONS * _TURNS_EACH / took)
        arena.add(server, RATE_CPU, (server.cpu_s() - before) / _SESSIONS / _TURNS_EACH * 1000)
        stream.close()
        for client, session in zip(clients, sessions, strict=True):
            client.ask("DELETE", f"/session/{session}")
            client.close()

    arena.alternate(measure)


def _side_by_side(clients: list[Client], sessions: list[str], turns: int) -> float:
    start = threading.Barrier(len(clients) + 1)

    def work(client: Client, session: str) -> None:
        start.wait()
        for _ in range(turns):
            client.prompt(session, "script:instant")

    threads = [threading.Thread(target=work, args=pair) for pair in zip(clients, sessions, strict=True)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


BENCHMARKS = {
    "turn": Benchmark([TURN, TURN_CPU, FIRST], _turn),
    "bash": Benchmark([BASH], _bash),
    "parallel": Benchmark([RATE, RATE_CPU, RATE_FIRST], _parallel),
}
