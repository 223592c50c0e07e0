"""Memory: of the idle service, of a session that is merely listed, and of one that lives."""

import time

from .arena import Arena, Benchmark
from .results import Goal
from .servers import Server

_LISTED = 50
_LIVE = 6
_LONG = 40

IDLE = Goal("idle service, PSS", "MB", limit=110)
DIRECTORY = Goal("a directory in use, PSS", "MB")
LISTED = Goal("processes of 50 listed sessions", "", limit=0)
LISTED_SIZE = Goal("a listed session, PSS", "MB", limit=0.05)
LIVE = Goal("a live session, PSS", "MB", limit=20)
LIVE_LONG = Goal("a live session after 40 turns, PSS", "MB", limit=20)


def _memory(arena: Arena) -> None:
    arena.model.register(instant=[{"text": "An answer of a few words.", "chunks": 5}])
    with arena.running() as servers:
        for server in servers:
            _measure(arena, server)


def _measure(arena: Arena, server: Server) -> None:
    idle = _settled(server)
    arena.add(server, IDLE, idle)
    client = server.client()
    client.create()  # what a directory needs when it is first used, a worker of its own perhaps, is no session's
    directory = _settled(server)
    arena.add(server, DIRECTORY, directory - idle)
    processes = len(server.pids())
    sessions = [client.create() for _ in range(_LISTED)]
    listed = _settled(server)
    arena.add(server, LISTED, len(server.pids()) - processes)
    arena.add(server, LISTED_SIZE, (listed - directory) / _LISTED)
    for session in sessions[:_LIVE]:
        client.prompt(session, "script:instant")
    live = _settled(server)
    arena.add(server, LIVE, (live - listed) / _LIVE)
    for session in sessions[:_LIVE]:
        for _ in range(_LONG):
            client.prompt(session, "script:instant")
    arena.add(server, LIVE_LONG, (_settled(server) - listed) / _LIVE)
    client.close()


def _settled(server: Server) -> float:
    """When what went before has had time to end."""
    time.sleep(1)
    return server.pss_mb()


BENCHMARKS = {"memory": Benchmark([IDLE, DIRECTORY, LISTED, LISTED_SIZE, LIVE, LIVE_LONG], _memory)}
