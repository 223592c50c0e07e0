import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
import zmq

from oad.link import PeerGone, TrioSocket, bind_private

MESSAGES = 3000


@contextmanager
def sockets(path: Path, first: int = zmq.DEALER, second: int = zmq.DEALER) -> Iterator[tuple[TrioSocket, TrioSocket]]:
    context = zmq.Context()
    a, b = context.socket(first), context.socket(second)
    for socket in (a, b):
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 50
    if first == zmq.ROUTER:
        a.router_mandatory = True
    b.connect(bind_private(a, path))
    left, right = TrioSocket(a), TrioSocket(b)
    try:
        yield left, right
    finally:
        left.close()
        right.close()
        context.term()


async def read(socket: TrioSocket, received: list[int], impatient: Callable[[], float]) -> None:
    while len(received) < MESSAGES:
        with trio.move_on_after(impatient()):
            while len(received) < MESSAGES:
                batch = await socket.recv_many(7)
                received.extend(int(message[0]) for message in batch)


async def write(socket: TrioSocket) -> None:
    for number in range(MESSAGES):
        await socket.send_multipart([b"%d" % number])


async def test_both_directions_under_cancellation_lose_nothing(tmp_path: Path) -> None:
    received: tuple[list[int], list[int]] = ([], [])
    with sockets(tmp_path / "s") as (a, b), trio.fail_after(30):
        async with trio.open_nursery() as pumps:
            pumps.start_soon(a.pump)
            pumps.start_soon(b.pump)
            async with trio.open_nursery() as nursery:
                for socket, out in zip((a, b), received, strict=True):
                    nursery.start_soon(read, socket, out, lambda: random.random() * 0.002)
                    nursery.start_soon(write, socket)
            pumps.cancel_scope.cancel()
    assert received == (list(range(MESSAGES)), list(range(MESSAGES)))


async def test_sender_waits_for_a_reader_that_is_behind(tmp_path: Path) -> None:
    received: list[int] = []
    with sockets(tmp_path / "s") as (a, b), trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pump)
            nursery.start_soon(b.pump)
            with trio.move_on_after(0.2) as blocked:
                await write(a)
            assert blocked.cancelled_caught
            while (await b.recv_multipart())[0] != b"50":
                pass
            nursery.start_soon(write, a)
            while not received or received[-1] != MESSAGES - 1:
                received.append(int((await b.recv_multipart())[0]))
            nursery.cancel_scope.cancel()
    assert received[-MESSAGES:] == list(range(MESSAGES))


async def test_close_ends_pump_and_waiters(tmp_path: Path) -> None:
    with sockets(tmp_path / "s") as (a, _), trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.pump)

            async def waiter() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await a.recv_multipart()

            nursery.start_soon(waiter)
            await trio.testing.wait_all_tasks_blocked()
            a.close()
        with pytest.raises(trio.ClosedResourceError):
            await a.send_multipart([b"late"])


async def test_router_refuses_a_peer_it_does_not_know(tmp_path: Path) -> None:
    with sockets(tmp_path / "s", zmq.ROUTER) as (router, dealer), trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(router.pump)
            nursery.start_soon(dealer.pump)
            with pytest.raises(PeerGone):
                router.try_send([b"nobody", b"hello"])
            await dealer.send_multipart([b"hi"])
            identity, _ = await router.recv_multipart()
            while router.try_send([identity, b"x" * 1000]):
                pass  # until the peer's queue is full
            assert await dealer.recv_multipart() == [b"x" * 1000]
            nursery.cancel_scope.cancel()


async def test_only_the_owner_may_open_the_socket(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with sockets(tmp_path / "s"):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    finally:
        assert os.umask(before) == 0o022
