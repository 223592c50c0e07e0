"""A prompt for a session whose worker was put away: how much longer it takes than with one that lives."""

import statistics
import time

from .arena import Arena, Benchmark
from .client import Client
from .results import Goal
from .servers import Oad, Server

_TURNS = 10
_PATIENCE_S = 10.0

BACK = Goal("a prompt after its worker was put away, above one whose worker lives", "ms", limit=100)


def _returns(arena: Arena) -> None:
    arena.model.register(instant=[{"text": "An answer of a few words.", "chunks": 5}])

    def measure(server: Server) -> None:
        if not isinstance(server, Oad):
            return  # it has no workers
        client = server.client()
        session = client.create()
        client.prompt(session, "script:instant")
        living = statistics.median(_timed(client, session) for _ in range(_TURNS))
        for _ in range(_TURNS):
            _put_away(server, client)
            arena.add(server, BACK, _timed(client, session) - living)
        client.close()

    arena.alternate(measure)


def _timed(client: Client, session: str) -> float:
    began = time.perf_counter()
    client.prompt(session, "script:instant")
    return (time.perf_counter() - began) * 1000


def _put_away(server: Server, client: Client) -> None:
    """At once, and not when it has been idle for long enough: what is left is the same."""
    before = len(server.pids())
    client.ask("POST", "/instance/dispose")
    limit = time.perf_counter() + _PATIENCE_S
    while len(server.pids()) >= before and time.perf_counter() < limit:
        time.sleep(0.05)
    time.sleep(0.3)  # and its books are closed


BENCHMARKS = {"return": Benchmark([BACK], _returns)}
