"""Turns in a repository, of which file snapshots are kept: with a tool that writes, and with a command that does."""

import subprocess
import time
from pathlib import Path

from .arena import Arena, Benchmark
from .client import Client
from .results import Goal
from .servers import Server

_FILES = 2000
_PER_DIRECTORY = 50
_TURNS = 10

WRITE = Goal("turn that writes a file, repository", "ms", factor=1)
RUN = Goal("turn with a bash step, repository", "ms", factor=1)
BEGIN = Goal("first turn that writes, repository", "ms", factor=1)


def _snapshots(arena: Arena) -> None:
    with arena.running() as servers:
        for server in servers:
            _make_repository(server.project)
        for _ in range(arena.rounds):
            for server in servers:
                _measure(arena, server)


def _measure(arena: Arena, server: Server) -> None:
    file = str(server.project / "made.txt")
    write = {"name": "write", "args": {"filePath": file, "content": f"made at {time.time()}\n"}}
    run = {"name": "bash", "args": {"command": "date +%N >> made-too.txt", "description": "Writes a line"}}
    arena.model.register(writes=[{"tools": [write]}, {"text": "Done."}], runs=[{"tools": [run]}, {"text": "Done."}])
    client, stream = server.client(), server.stream()
    session = client.create()
    arena.add(server, BEGIN, _timed(client, session, "script:writes"))
    for _ in range(_TURNS):
        arena.add(server, WRITE, _timed(client, session, "script:writes"))
        arena.add(server, RUN, _timed(client, session, "script:runs"))
    stream.close()
    client.close()


def _timed(client: Client, session: str, text: str) -> float:
    began = time.perf_counter()
    client.prompt(session, text)
    return (time.perf_counter() - began) * 1000


def _make_repository(place: Path) -> None:
    for number in range(_FILES):
        directory = place / f"directory_{number // _PER_DIRECTORY}"
        directory.mkdir(exist_ok=True)
        (directory / f"file_{number}.py").write_text(f"number = {number}\n" * 40)
    identity = ("-c", "user.name=b", "-c", "user.email=b@example.invalid", "-c", "init.defaultBranch=main")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "begin"]):
        subprocess.run(["git", *identity, *arguments], cwd=place, check=True, capture_output=True)


BENCHMARKS = {"snapshots": Benchmark([WRITE, RUN, BEGIN], _snapshots)}
