"""Many projects: what is kept of those that a client has looked at, and of those that nobody looks at any more."""

import subprocess
import time
from pathlib import Path

from .arena import Arena, Benchmark
from .client import Client
from .results import Goal
from .servers import Oad, Server

_PROJECTS = 32
_FILES = 20
_IDLE_S = 30
_PATIENCE_S = 90.0
# What a terminal program asks of a directory when it is attached to it.
_QUESTIONS = (
    "/path", "/config", "/config/providers", "/provider", "/agent", "/command", "/skill", "/project/current", "/vcs",
    "/vcs/status", "/file?path=", "/mcp", "/lsp", "/formatter", "/session", "/experimental/resource",
)  # fmt: skip

TOUCHED = Goal("with 32 projects looked at, PSS", "MB", factor=0.2)
EACH = Goal("a project looked at, PSS", "MB", factor=0.2)
FIRST = Goal("the first look at a project", "ms", factor=1)
LEFT = Goal("processes left when nobody looks any more", "", limit=0)
RESTING = Goal("memory left then of a project, PSS", "MB", limit=0.5)


class ForgetfulOad(Oad):
    """Puts workers away sooner than is usual, so that one can wait for it."""

    def command(self) -> list[str]:
        settings = self.place / "oad.toml"
        settings.write_text(f"[server]\nidle_worker_s = {_IDLE_S}\n")
        return [*super().command(), "--config", str(settings)]


def _projects(arena: Arena) -> None:
    for kind in arena.kinds:  # one after the other: the reference takes gigabytes
        alone = Arena(arena.model, [ForgetfulOad if kind is Oad else kind], 1, arena.samples)
        with alone.running() as (server,):
            _measure(alone, server)


def _measure(arena: Arena, server: Server) -> None:
    _look(server.client())
    before, processes = _settled(server), len(server.pids())
    for number in range(_PROJECTS):
        client = server.client(_make_project(server.place / f"project_{number}"))
        began = time.perf_counter()
        _look(client)
        arena.add(server, FIRST, (time.perf_counter() - began) * 1000)
    touched = server.pss_mb()
    arena.add(server, TOUCHED, touched)
    arena.add(server, EACH, (touched - before) / _PROJECTS)
    if not isinstance(server, ForgetfulOad):
        return
    limit = time.perf_counter() + _PATIENCE_S
    while len(server.pids()) > processes and time.perf_counter() < limit:
        time.sleep(0.5)
    arena.add(server, LEFT, max(0, len(server.pids()) - processes))
    arena.add(server, RESTING, (_settled(server) - before) / _PROJECTS)


def _make_project(place: Path) -> Path:
    """A repository with a few files and an agent of its own."""
    agents = place / ".opencode" / "agent"
    agents.mkdir(parents=True)
    (agents / "terse.md").write_text("---\ndescription: Says little\nmode: primary\n---\nBe terse.\n")
    for number in range(_FILES):
        (place / f"file_{number}.txt").write_text(f"{place.name} {number}\n" * 20)
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "begin"]):
        identity = ["-c", "user.name=b", "-c", "user.email=b@example.invalid"]
        subprocess.run(["git", *identity, *arguments], cwd=place, check=True, capture_output=True)
    return place


def _look(client: Client) -> None:
    for path in _QUESTIONS:
        client.read(path)
    client.close()


def _settled(server: Server) -> float:
    time.sleep(1)
    return server.pss_mb()


BENCHMARKS = {"projects": Benchmark([TOUCHED, EACH, FIRST, LEFT, RESTING], _projects)}
