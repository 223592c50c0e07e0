"""A stop of ``oad serve`` that lets running turns end."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import trio

from .server import Json, Server, until


async def test_a_running_turn_ends_and_a_new_one_is_refused(make_server: Callable[..., Server], place: Path) -> None:
    config = place / "oad.toml"
    config.write_text("[server]\ndrain_s = 60\n")
    server = make_server()
    answers = list[Json]()
    command = f"while [ ! -e {server.project}/go ]; do sleep 0.05; done; echo finished"
    await server.start("--config", str(config))
    session, other = await server.create(), await server.create()

    async def run() -> None:
        answers.append(await server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": command}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await until(lambda: is_busy(server, session), "the turn runs")
        psutil.Process(server.pid).send_signal(signal.SIGTERM)
        await until(lambda: is_draining(server), "it drains")
        async with server.client() as client:
            refused = await client.post(f"/session/{other}/shell", json={"agent": "build", "command": "true"})
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 11
        (server.project / "go").touch()
    assert answers[0]["parts"][0]["state"]["output"] == "finished\n"
    assert await server.ended() == 0


async def is_busy(server: Server, session: str) -> bool:
    return session in await server.statuses()


async def is_draining(server: Server) -> bool:
    async with server.client() as client:
        return (await client.get("/readyz")).status_code == 503
