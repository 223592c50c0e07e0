"""Output on its way to viewers: characters whole, secrets hidden, nobody waited for."""

from collections.abc import Awaitable, Callable

import trio
import trio.testing

from oad.contract.redact import Redactor
from oad.workers.pty.output import HELD_S, Output


def reading(*chunks: bytes, pause_s: float = 0.0) -> Callable[[], Awaitable[bytes]]:
    left = list(chunks)

    async def read() -> bytes:
        if pause_s:
            await trio.sleep(pause_s)
        else:
            await trio.lowlevel.checkpoint()
        return left.pop(0) if left else b""

    return read


def shown(output: Output) -> str:
    return output.scrollback.read(0, 1 << 20)[0].decode()


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    redactor.learn(list(secrets))
    return redactor


async def test_characters_are_put_together() -> None:
    output = Output(knowing())
    await output.pump(reading("€".encode()[:1], "€".encode()[1:], b"\xff", b"."))
    output.end()
    assert shown(output) == "€\ufffd."


async def test_half_a_character_at_the_end_is_shown_as_broken() -> None:
    output = Output(knowing())
    await output.pump(reading("€".encode()[:2]))
    output.end()
    assert shown(output) == "\ufffd"


async def test_a_secret_in_two_pieces_is_not_shown() -> None:
    output = Output(knowing("hunter2hunter2"))
    await output.pump(reading(b"key hunter2", b"hunter2\r\n"))
    output.end()
    assert "hunter2" not in shown(output)
    assert shown(output).endswith("\r\n")


async def test_what_might_become_a_secret_is_not_held_for_long(autojump_clock: trio.testing.MockClock) -> None:
    output = Output(knowing("hunter2hunter2"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(output.pump, reading(b"$ h", b"", pause_s=1.0))
        await trio.sleep(1.0 + HELD_S / 2)
        assert shown(output) == "$ "
        await trio.sleep(HELD_S)
        assert shown(output) == "$ h"


async def test_viewers_are_woken() -> None:
    output = Output(knowing())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(output.pump, reading(b"news"))
        assert await output.more(0)
        assert shown(output) == "news"
    output.end()
    assert await output.more(0)
    assert not await output.more(4)
