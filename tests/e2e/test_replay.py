"""Event streams that break off anywhere, any number of times, while gateways and the daemon are killed: together they
are what the journal holds, each event once."""

import contextlib
import os
import random
import sqlite3
from collections.abc import Callable

import httpx2
import trio

from .bulk_events import Bulk
from .cut_reader import CutReader
from .server import Server, kill, until

CUTS = int(os.environ.get("OAD_CUTS", "200"))
TWINNED = {"session.created", "session.updated", "session.deleted", "message.updated", "message.part.updated"}


def journal(server: Server) -> list[tuple[int, str, str, str]]:
    """(number, id, type, directory) of what clients are told."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data / 'oad.db'}?mode=ro", uri=True)) as db:
        sql = "SELECT seq, id, type, directory FROM event WHERE type NOT LIKE 'oad.%' ORDER BY seq"
        return list(db.execute(sql))


def expected(server: Server, *, everywhere: bool) -> list[str]:
    """The ids of all frames that there are for a stream."""
    ids: list[str] = []
    for seq, id, type, directory in journal(server):
        if everywhere and type in TWINNED:
            ids.append(f"{seq}a-{id[-4:]}")
        if everywhere or directory == str(server.project):
            ids.append(f"{seq}-{id[-4:]}")
    return ids


async def happen(server: Server, bulk: Bulk, session: str) -> None:
    """Events of all sizes, without an end. What the server can't take now is lost, and never an event."""
    while True:
        with contextlib.suppress(OSError, httpx2.TransportError):
            async with server.client() as client:
                while True:
                    await bulk.send(client)
                    await client.patch(f"/session/{session}", json={"title": "between"})
        await trio.sleep(0.01)


async def hurt(server: Server, chance: random.Random) -> None:
    """Kills the daemon or a gateway, again when everything is well."""
    for name in ("oad-gateway", "oad-daemon", "oad-gateway") * max(1, CUTS // 600):
        await trio.sleep(chance.uniform(0.2, 1.0))
        kill(server.named(name)[0])
        await until(server._healthy, f"the server is healthy without an {name}", timeout_s=30)


async def cut_often(reader: CutReader, ended: Callable[[], bool]) -> None:
    while reader.cuts < CUTS / 4 or not ended():
        await reader.read_and_cut()


async def test_cuts_and_deaths_lose_and_repeat_nothing(make_server: Callable[..., Server]) -> None:
    server, chance = make_server(), random.Random(5)
    await server.start("--gateways", "2")
    bulk = Bulk(server)
    session = await bulk.begin()
    readers = [CutReader(server, path, seed) for seed, path in enumerate(("/event", "/global/event") * 2)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(happen, server, bulk, session)
        hurting = trio.Event()

        async def hurt_and_tell() -> None:
            await hurt(server, chance)
            hurting.set()

        async with trio.open_nursery() as reading:
            reading.start_soon(hurt_and_tell)
            for reader in readers:
                reading.start_soon(cut_often, reader, hurting.is_set)
        nursery.cancel_scope.cancel()
    await until(server._healthy, "the server is healthy")
    for reader in readers:
        await finish(server, reader)
    assert sum(reader.mid_frame for reader in readers) > CUTS / 20


async def finish(server: Server, reader: CutReader) -> None:
    everywhere = reader.path == "/global/event"

    async def is_complete() -> bool:
        return reader.frames[-1][0] == expected(server, everywhere=everywhere)[-1]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.read)
        await until(is_complete, "everything has arrived", timeout_s=30)
        nursery.cancel_scope.cancel()
    seen, due = [id for id, _ in reader.frames], expected(server, everywhere=everywhere)
    print(f"{reader.cuts} cuts, {reader.mid_frame} inside of an event, {len(seen)} events")
    assert seen == due[due.index(seen[0]) :]
    assert set(reader.others) <= {"server.connected", "server.heartbeat"}
