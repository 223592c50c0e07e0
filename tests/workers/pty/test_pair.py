"""A real pseudo-terminal, with us at both ends."""

import os
import termios

import pytest
import trio
import trio.testing

from oad.contract.terminal import PtySize
from oad.workers.pty.pair import Pair


@pytest.fixture
def pair() -> "Pair":
    return Pair(PtySize(rows=24, cols=80))


async def test_bytes_go_both_ways(pair: Pair) -> None:
    await pair.write(b"typed\n")
    assert await pair.read() == b"typed\r\n"  # the echo
    assert os.read(pair.theirs, 100) == b"typed\n"
    os.write(pair.theirs, b"shown\n")
    assert await pair.read() == b"shown\r\n"
    pair.close()


async def test_sizes(pair: Pair) -> None:
    assert termios.tcgetwinsize(pair.theirs) == (24, 80)
    pair.resize(PtySize(rows=65_535, cols=1))
    assert termios.tcgetwinsize(pair.theirs) == (65_535, 1)
    pair.close()
    pair.resize(PtySize(rows=1, cols=1))


async def test_the_end_of_all_others_is_the_end(pair: Pair) -> None:
    os.write(pair.theirs, b"last")
    pair.hand_over()
    assert await pair.read() == b"last"
    assert await pair.read() == b""
    pair.close()
    assert await pair.read() == b""


async def test_a_reader_is_released_by_the_close(pair: Pair) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pair.read)
        await trio.testing.wait_all_tasks_blocked()
        pair.close()


async def test_typing_waits_for_a_program_that_does_not_read(pair: Pair) -> None:
    attributes = termios.tcgetattr(pair.theirs)
    attributes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(pair.theirs, termios.TCSANOW, attributes)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pair.write, b"x" * 200_000)
        await trio.testing.wait_all_tasks_blocked()
        taken = 0
        while taken < 200_000:
            taken += len(os.read(pair.theirs, 65536))
            await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked()
    pair.close()


async def test_typing_after_the_end_is_lost(pair: Pair) -> None:
    pair.close()
    await pair.write(b"too late")
