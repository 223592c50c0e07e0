"""Terminals over real websockets: framing, replay, several viewers, job control, sizes, and the end."""

import pytest

from .pty_client import connected, create, run
from .server import Server


@pytest.fixture
async def shell(shared: Server) -> str:
    return await create(shared, "/bin/sh", env={"PS1": "$ ", "ENV": ""})


async def test_first_the_cursor_then_what_is_typed_and_shown(shared: Server, shell: str) -> None:
    async with connected(shared, shell) as client:
        await client.type("echo one-$((1+1))\n")
        await client.sees("one-2\r\n")
        await client.type(b"echo bin-$((2+2))\n")
        await client.sees("bin-4\r\n")
        assert isinstance(client.frames[0], int) or isinstance(client.frames[1], int)
        assert len(client.cursors) == 1


async def test_run_gives_output_and_exit(shared: Server) -> None:
    assert await run(shared, "tty; echo bye; exit 7") == (7, "/dev/console\r\nbye\r\n")
