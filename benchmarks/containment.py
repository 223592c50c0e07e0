"""What containment costs, and what it is worth: a sandboxed command, and a session beside one that takes too much."""

import statistics
import subprocess
import threading
import time

from .arena import Arena, Benchmark
from .client import Client
from .results import Goal, percentile
from .servers import Server

_CALLS = 40
_QUIET_TURNS = 60
_NEVER_S = 60.0

SANDBOX = Goal("bash tool, true: above fork and exec", "ms", limit=15)
PLAIN = Goal("fork and exec of bash, true", "ms")
QUIET = Goal("neighbour's turn, quiet: p95", "ms")
DISTURBED = Goal("neighbour's turn, disturbed: p95", "ms")
RATIO = Goal("neighbour's p95, times quiet", "x", limit=1.5)
LIMITS = {"memoryMb": 256, "cpu": 0.5, "processes": 64, "commandOutputMb": 5}
# Each bounded by itself, for a server that knows no limits.
HOSTILE = {
    "allocator": "python3 -c 'import time; kept = [bytearray(4_000_000) for _ in range(400)]; time.sleep(5)'",
    "spinner": "timeout 8 sh -c 'while :; do :; done'",
    "fork bomb": "python3 -c 'import os, time; [os.fork() for _ in range(9)]; time.sleep(5)'",
    "500 MB of output": "yes 0123456789abcdef | head -c 500000000",
}


def _sandbox(arena: Arena) -> None:
    call = {"name": "bash", "args": {"command": "true", "description": "Does nothing"}}
    arena.model.register(nothing=[{"tools": [call]}, {"text": "Done."}])

    def measure(server: Server) -> None:
        client = server.client()
        session = client.create()
        plain = statistics.median(_spawn() for _ in range(_CALLS))
        for number in range(_CALLS):
            if number % 20 == 0:  # many equal calls in a row look like a runaway
                session = client.create()
                client.prompt(session, "script:nothing")
            client.prompt(session, "script:nothing")
            arena.add(server, SANDBOX, _last_call_ms(client, session) - plain)
        arena.add(server, PLAIN, plain)
        client.close()

    arena.alternate(measure)


def _spawn() -> float:
    began = time.perf_counter()
    subprocess.run(["/bin/bash", "-c", "true"], check=True)
    return (time.perf_counter() - began) * 1000


def _last_call_ms(client: Client, session: str) -> float:
    parts = [part for message in client.ask("GET", f"/session/{session}/message") for part in message["parts"]]
    time_of = [part["state"]["time"] for part in parts if part["type"] == "tool"][-1]
    return float(time_of["end"] - time_of["start"])


def _neighbour(arena: Arena) -> None:
    arena.model.register(
        calm=[{"text": "An answer of a few words.", "chunks": 5}],
        **{_script(name): [{"tools": [_bash(command)]}, {"text": "Done."}] for name, command in HOSTILE.items()},
    )

    def measure(server: Server) -> None:
        client = server.client()
        session = client.create()
        client.prompt(session, "script:calm")
        quiet = percentile([_turn(client, session) for _ in range(_QUIET_TURNS)], 95)
        over = threading.Event()
        hostile = threading.Thread(target=_misbehave, args=(server, over))
        hostile.start()
        disturbed: list[float] = []
        while not over.is_set():
            disturbed.append(_turn(client, session))
        hostile.join()
        arena.add(server, QUIET, quiet)
        arena.add(server, DISTURBED, percentile(disturbed, 95))
        arena.add(server, RATIO, percentile(disturbed, 95) / quiet)
        client.close()

    arena.alternate(measure)


def _misbehave(server: Server, over: threading.Event) -> None:
    """One after the other, each in a session of its own; what the turn ends with does not matter here."""
    client = server.client()
    try:
        for name in HOSTILE:
            limits = {"limits": LIMITS} if server.name == "oad" else {}
            session = str(client.ask("POST", "/session", limits)["id"])
            body = {"parts": [{"type": "text", "text": f"script:{_script(name)}"}]}
            client.ask("POST", f"/session/{session}/message", body)
    finally:
        over.set()
        client.close()


def _bash(command: str) -> dict[str, object]:
    return {"name": "bash", "args": {"command": command, "description": "Misbehaves", "timeout": int(_NEVER_S * 1000)}}


def _script(name: str) -> str:
    return name.replace(" ", "-")


def _turn(client: Client, session: str) -> float:
    began = time.perf_counter()
    client.prompt(session, "script:calm")
    return (time.perf_counter() - began) * 1000


BENCHMARKS = {
    "sandbox": Benchmark([SANDBOX, PLAIN], _sandbox),
    "neighbour": Benchmark([QUIET, DISTURBED, RATIO], _neighbour),
}
