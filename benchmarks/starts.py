"""How long clients wait before anything: for the server itself, and for the lists that they ask for at their start."""

import tempfile
import time
from pathlib import Path

from .arena import Arena, Benchmark
from .results import Goal
from .servers import Server

_AGAIN = 10

START = Goal("start to first answer", "ms", limit=1500)
PROVIDER_FIRST = Goal("/provider, first in a directory", "ms", limit=50)
PROVIDERS_FIRST = Goal("/config/providers, first in a directory", "ms", limit=50)
PROVIDER = Goal("/provider", "ms", limit=50)
PROVIDERS = Goal("/config/providers", "ms", limit=50)


def _start(arena: Arena) -> None:
    for _ in range(arena.rounds):
        for kind in arena.kinds:
            with tempfile.TemporaryDirectory(prefix="oad-b-", ignore_cleanup_errors=True) as place:
                server = kind(Path(place), arena.model.configuration())
                try:
                    arena.add(server, START, server.start() * 1000)
                finally:
                    server.stop()


def _lists(arena: Arena) -> None:
    paths = (("/provider", PROVIDER_FIRST, PROVIDER), ("/config/providers", PROVIDERS_FIRST, PROVIDERS))

    def measure(server: Server) -> None:
        for path, first, again in paths:
            directory = Path(tempfile.mkdtemp(dir=server.place))
            client = server.client(directory)
            times = [_timed(server, directory, path) for _ in range(_AGAIN)]
            arena.add(server, first, times[0])
            arena.add(server, again, *times[1:])
            client.close()

    arena.alternate(measure)


def _timed(server: Server, directory: Path, path: str) -> float:
    client = server.client(directory)
    began = time.perf_counter()
    client.ask("GET", path)
    took = (time.perf_counter() - began) * 1000
    client.close()
    return took


BENCHMARKS = {
    "start": Benchmark([START], _start),
    "lists": Benchmark([PROVIDER_FIRST, PROVIDERS_FIRST, PROVIDER, PROVIDERS], _lists),
}
