"""Tokens on their way from the model to the readers of the event stream: one by one, and as a flood."""

import time
from collections.abc import Callable

from .arena import Arena, Benchmark
from .results import Goal, percentile
from .servers import Server

_TOKENS = 150
_FLOOD = 3000
_READERS = 20

MIDDLE = Goal("token to reader, p50", "ms", factor=1)
LATE = Goal("token to reader, p99", "ms", factor=1 / 2)
FLOOD = Goal("flood of 3000 tokens, 1 reader", "ms", factor=1 / 2)
FLOOD_CPU = Goal("CPU of the flood, 1 reader", "ms")
FLOOD_MANY = Goal("flood of 3000 tokens, 20 readers", "ms", factor=1 / 2)


def _latency(arena: Arena) -> None:
    arena.model.register(slowly=[{"stamps": _TOKENS, "delay": 0.01}])

    def measure(server: Server) -> None:
        client, stream = server.client(), server.stream()
        session = client.create()
        client.prompt(session, "Hello")
        stream.wait_idle(session, 1)
        client.prompt(session, "script:slowly")
        stream.wait_idle(session, 2)
        if len(stream.latencies_ms) != _TOKENS:
            raise RuntimeError(f"{server.name} has shown {len(stream.latencies_ms)} of {_TOKENS} tokens")
        arena.add(server, MIDDLE, percentile(stream.latencies_ms, 50))
        arena.add(server, LATE, percentile(stream.latencies_ms, 99))
        stream.close()
        client.close()

    arena.alternate(measure)


def _flood(goal: Goal, readers: int) -> Callable[[Arena], None]:
    def run(arena: Arena) -> None:
        arena.model.register(flood=[{"stamps": _FLOOD}])

        def measure(server: Server) -> None:
            client = server.client()
            streams = [server.stream() for _ in range(readers)]
            session = client.create()
            client.prompt(session, "Hello")
            for stream in streams:
                stream.wait_idle(session, 1)
            before, began = server.cpu_s(), time.perf_counter()
            client.prompt(session, "script:flood")
            for stream in streams:
                stream.wait_idle(session, 2)
            arena.add(server, goal, (time.perf_counter() - began) * 1000)
            if readers == 1:
                arena.add(server, FLOOD_CPU, (server.cpu_s() - before) * 1000)
            for stream in streams:
                stream.close()
                if stream.tokens != _FLOOD:
                    raise RuntimeError(f"{server.name} has shown {stream.tokens} of {_FLOOD} tokens")
            client.close()

        arena.alternate(measure)

    return run


BENCHMARKS = {
    "token": Benchmark([MIDDLE, LATE], _latency),
    "flood": Benchmark([FLOOD, FLOOD_CPU], _flood(FLOOD, 1)),
    "flood20": Benchmark([FLOOD_MANY], _flood(FLOOD_MANY, _READERS)),
}
