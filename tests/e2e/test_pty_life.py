"""How terminals live and die: nothing is left of one that has ended, and nothing else ends it."""

import itertools
import os

import httpx2
import pytest

from .marks import alive
from .pty_client import connected, create, exit_of
from .server import Server, kill, until

_numbers = itertools.count(1)
ESCAPES = "setsid -f sleep {n}; (setsid sleep {n} &) ; nohup sleep {n} >/dev/null 2>&1 & env -i setsid -f sleep {n};"


def mark() -> str:
    return f"98{os.getpid()}.{next(_numbers):04}"


async def with_escapes(server: Server, number: str, *, last: str = "exec sleep {n}") -> str:
    """A terminal whose program has left four others behind, each in its own way."""
    script = (ESCAPES + "echo all-$((1+1)); " + last).format(n=number)
    pty = await create(server, "/bin/bash", "-c", script)
    async with connected(server, pty) as client:
        await client.sees("all-2")
    await until(lambda: len(alive(number)) >= 4, "they run")
    return pty


async def gone(number: str) -> None:
    await until(lambda: not alive(number), "nothing is left of it", timeout_s=5)


async def test_delete_ends_everything_before_it_answers(shared: Server) -> None:
    number = mark()
    pty = await with_escapes(shared, number)
    async with connected(shared, pty) as client, shared.events() as events:
        await shared.ask("DELETE", f"/pty/{pty}")
        assert not alive(number)
        assert await client.ended() == 1000
        await events.until(lambda event: event["type"] == "pty.deleted")
        assert "pty.exited" not in events.types()
    assert not shared.named(f"oad-session {pty}")
    assert not list((shared.data / "scratch").glob(pty))
    await shared.ask("DELETE", f"/pty/{pty}", status=404)


async def test_whatever_the_program_leaves_running_ends_with_it(shared: Server) -> None:
    number = mark()
    async with shared.events() as events:
        pty = await with_escapes(shared, number, last="read -r _; exit 3")
        async with connected(shared, pty) as client:
            await client.type("\n")
            assert await exit_of(events, pty) == 3
            assert await client.ended() == 1000
    await gone(number)
    await until(lambda: not shared.named(f"oad-session {pty}"), "its worker is gone")


async def test_a_shell_that_is_deleted_saves_its_history(shared: Server) -> None:
    file = shared.project / "history"
    pty = await create(shared, "/bin/bash", "--norc", env={"HISTFILE": str(file), "PS1": "$ "})
    async with connected(shared, pty) as client:
        await client.type("echo re-$((1+1))\n")
        await client.sees("re-2")
    await shared.ask("DELETE", f"/pty/{pty}")
    assert "echo re-" in file.read_text()


@pytest.mark.parametrize("victim", ["worker", "init"])
async def test_a_terminal_whose_keeper_is_killed_is_over(victim: str, shared: Server) -> None:
    number = mark()
    pty = await with_escapes(shared, number)
    async with connected(shared, pty) as client, shared.events() as events:
        kill(shared.one(f"oad-session {pty} {victim}"))
        assert await exit_of(events, pty) == 137
        assert await client.ended() == 1000
    await gone(number)
    await shared.ask("GET", f"/pty/{pty}", status=404)
    other = await create(shared, "/bin/cat")
    async with connected(shared, other) as client:
        await client.type("as before\n")
        await client.sees("as before\r\nas before")


async def test_the_end_of_the_zygote_ends_no_terminal(server: Server) -> None:
    pty = await create(server, "/bin/cat")
    async with connected(server, pty) as client:
        kill(server.one("oad-zygote"))
        await client.type("still here\n")
        await client.sees("still here\r\nstill here")


async def test_nothing_survives_the_daemon(server: Server) -> None:
    number = mark()
    pty = await with_escapes(server, number)
    async with connected(server, pty) as client:
        kill(server.one("oad-daemon"))
        await gone(number)
        assert await client.ended() == 1012
    await until(lambda: bool(server.named("oad-daemon")), "there is another daemon")
    assert await server.ask("GET", "/pty") == []


async def test_nothing_survives_the_service(server: Server) -> None:
    number = mark()
    pty = await with_escapes(server, number)
    async with connected(server, pty) as client:
        assert await server.stop() == 0
        assert await client.ended() in (1000, 1012)
    assert not alive(number)


async def test_terminals_outlive_the_gateway(server: Server) -> None:
    pty = await create(server, "/bin/cat")
    async with connected(server, pty) as client:
        await client.type("before\n")
        await client.sees("before\r\nbefore\r\n")
        kill(server.one("oad-gateway"))
        assert await client.ended() is None
        seen = len(client.text)
    await until(lambda: _is_served(server), "there is another gateway")
    async with connected(server, pty, cursor=str(seen)) as client:
        await client.type("after\n")
        await client.sees("after\r\nafter\r\n")
        assert "before" not in client.text
        assert client.cursors == [seen]


async def _is_served(server: Server) -> bool:
    try:
        await server.ask("GET", "/pty")
    except (OSError, httpx2.TransportError):
        return False
    return True


async def test_a_client_that_leaves_ends_nothing_and_is_forgotten(shared: Server) -> None:
    pty = await create(shared, "/bin/sh", env={"PS1": "$ ", "ENV": ""})
    async with connected(shared, pty) as client:
        await client.type("sleep 0.2; echo alone-$((1+1))\n")
        await client.sees("alone-")
    async with connected(shared, pty) as client:
        await client.sees("alone-2")


async def test_a_disposed_directory_has_no_terminals(shared: Server) -> None:
    number = mark()
    await with_escapes(shared, number)
    await shared.ask("POST", "/instance/dispose")
    await gone(number)
    assert await shared.ask("GET", "/pty") == []
