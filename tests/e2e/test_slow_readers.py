"""Readers of events that stop reading: nobody waits for them, and what is kept for them is bounded."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import trio

from .bulk_events import Bulk
from .server import Json, Server, until

STALLED = 50
BATCHES, RENAMED = 4, 500  # 2000 events, 4 MB; above 1024 a reader is given up
MOST_MB = 64.0


def stall(server: Server, path: str) -> socket.socket:
    """A client that asks for a stream, and then does nothing more."""
    place = urlsplit(server.url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((place.hostname, place.port))
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Opencode-Directory: {server.project}\r\n\r\n"
    client.sendall(head.encode())
    return client


async def measured(server: Server, name: str) -> float:
    async with server.client() as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def resident_mb(server: Server) -> float:
    return float(server.one("oad-gateway").memory_info().rss) / 1e6


async def test_stalled_readers_cost_little_and_nobody_else(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    bulk = Bulk(server)
    session = await bulk.begin()
    async with server.events() as live, server.client() as client:
        await bulk.send(client, RENAMED)
        with ExitStack() as stalled:
            for number in range(STALLED):
                stalled.enter_context(stall(server, ("/event", "/global/event")[number % 2]))

            async def all_listen() -> bool:
                return await measured(server, "oad_event_streams") == STALLED + 1

            await until(all_listen, "all streams are open")
            before = most = resident_mb(server)
            waits: list[float] = []
            for number in range(BATCHES):
                assert (await bulk.send(client, RENAMED)).status_code == 200
                waits += [await wait_for_title(server, live, session, f"{number}.{again}") for again in range(5)]
                most = max(most, resident_mb(server))

            async def all_are_cut() -> bool:
                return await measured(server, "oad_event_streams_cut_total") == STALLED

            await until(all_are_cut, "the stalled readers are given up")
    waits.sort()
    with capsys.disabled():
        print(f"\n{STALLED} stalled: the gateway grew by {most - before:.1f} MB; the live reader waited"
              f" {waits[-1] * 1000:.0f} ms at most, {waits[len(waits) // 2] * 1000:.0f} ms in the middle")  # fmt: skip
    assert most - before < MOST_MB
    assert sum(event["type"] == "session.updated" for event in live.seen) >= (BATCHES + 1) * RENAMED
    assert "its reader is too slow" in server.logged()


async def wait_for_title(server: Server, live: object, session: str, title: str) -> float:
    """Seconds from a change until the live reader has heard of it."""
    start = time.monotonic()

    def is_it(event: Json) -> bool:
        return bool(event["type"] == "session.updated" and event["properties"]["info"]["title"] == title)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.ask, "PATCH", f"/session/{session}", {"title": title})
        await live.until(is_it)  # type: ignore[attr-defined]
        return time.monotonic() - start
