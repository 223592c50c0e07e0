"""How soon an abort is answered, and how soon everything that the command had started is dead."""

import itertools
import os
import select
import time

from . import processes
from .arena import Arena, Benchmark
from .results import Goal
from .servers import Server, end

_ABORTS = 6
_NEVER_MS = 3000.0  # who lives so long is taken to live for ever

ANSWERED = Goal("abort answered", "ms", limit=50)
DEAD = Goal("abort: all dead", "ms", limit=50)
WORST = Goal("abort: all dead, worst of a round", "ms", limit=1250)
SURVIVORS = Goal("abort: survivors after 3 s", "", limit=0)

_numbers = itertools.count(100_001)


def _abort(arena: Arena) -> None:
    def measure(server: Server) -> None:
        client, stream = server.client(), server.stream()
        session = client.create()
        client.prompt(session, "Hello")
        stream.wait_idle(session, 1)
        worst = 0.0
        for _ in range(_ABORTS):
            mark = f"{next(_numbers)}.25"
            call = {"name": "bash", "args": {"command": _command(mark), "description": "Never ends"}}
            arena.model.register(runaway=[{"tools": [call]}])
            before = stream.idles(session)
            client.prompt_async(session, "script:runaway")
            victims = _await_victims(server, mark)
            worst = max(worst, _stop(arena, server, session, victims))
            stream.wait_idle(session, before + 1)
        arena.add(server, WORST, worst)
        stream.close()
        client.close()

    arena.alternate(measure)


def _command(mark: str) -> str:
    """One process that stays, one in a session of its own, and one that is no longer a descendant of the shell."""
    return f"setsid sleep {mark} & (setsid nohup sleep {mark} >/dev/null 2>&1 &); sleep {mark}"


def _await_victims(server: Server, mark: str) -> list[int]:
    """pidfds of the three; they may have left the server's process tree."""
    end = time.perf_counter() + 20
    while time.perf_counter() < end:
        found = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        victims = [pid for pid in found if processes.title(pid) == f"sleep {mark}"]
        if len(victims) == 3:
            return [os.pidfd_open(pid) for pid in victims]
        time.sleep(0.02)
    raise RuntimeError(f"{server.name} does not run the command")


def _stop(arena: Arena, server: Server, session: str, victims: list[int]) -> float:
    other = server.client()
    began = time.perf_counter()
    other.ask("POST", f"/session/{session}/abort")
    arena.add(server, ANSWERED, (time.perf_counter() - began) * 1000)
    alive = _await_death(victims, began + _NEVER_MS / 1000)
    took = float("inf") if alive else (time.perf_counter() - began) * 1000
    arena.add(server, DEAD, took)
    arena.add(server, SURVIVORS, alive)
    other.close()
    for descriptor in victims:
        end(descriptor)
    return took


def _await_death(victims: list[int], until: float) -> int:
    """How many of them live still at the end of the wait."""
    left = set(victims)
    while left and (wait := until - time.perf_counter()) > 0:
        left -= set(select.select(list(left), [], [], wait)[0])
    return len(left)


BENCHMARKS = {"abort": Benchmark([ANSWERED, DEAD, WORST, SURVIVORS], _abort)}
