"""A trio adapter for ZeroMQ sockets.

ZeroMQ's descriptor is edge-triggered: it turns readable once when *something* changed, and any call on the socket may
consume that edge, also the edge that a task parked on the other direction waits for. Hence three rules: the state
(EVENTS) is read after every call and wakes both directions; one pump task alone waits on the descriptor; a message is
sent or received in one call that does not wait, so a cancellation between attempts loses nothing.
"""

import errno
import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import trio
import zmq
from trio.lowlevel import ParkingLot

_READABLE: Final = int(zmq.POLLIN)
_WRITABLE: Final = int(zmq.POLLOUT)
_GIVE_WAY_S: Final = 0.001


class PeerGone(Exception):
    """A ROUTER has no such peer (any more)."""


class TrioSocket:
    """Owns ``socket``. ``pump`` must run in some nursery while others send and receive; all in one thread. On a DEALER
    every part is a message of its own: ours have one, and asking for more costs more than the message."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._readers = ParkingLot()
        self._writers = ParkingLot()
        self._closed = False
        self._gave_way = 0.0
        self._single = socket.type == zmq.DEALER

    @property
    def closed(self) -> bool:
        return self._closed

    async def pump(self) -> None:
        """Wakes senders and receivers until the socket is closed or the task is cancelled."""
        try:
            while not self._closed:
                self._wake()
                await trio.lowlevel.wait_readable(self._descriptor)
        except trio.ClosedResourceError:
            await trio.lowlevel.checkpoint()

    def _wake(self) -> int:
        """Reading EVENTS also processes what is pending inside ZeroMQ, which re-arms the edge."""
        events = int(self._socket.getsockopt(zmq.EVENTS))
        if events & _READABLE:
            self._readers.unpark_all()
        if events & _WRITABLE:
            self._writers.unpark_all()
        return events

    async def recv_multipart(self) -> list[bytes]:
        """The next message. Raises trio.ClosedResourceError once the socket is closed."""
        return (await self.recv_many(1))[0]

    async def recv_many(self, limit: int = 256) -> list[list[bytes]]:
        """What has arrived, at most ``limit`` messages; waits for the first one only."""
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while not (messages := self._take(limit)):
            if not self._wake() & _READABLE:
                await self._readers.park()
                waited = True
        if len(messages) == limit or self._readers or self._writers:
            self._wake()  # else nobody waits, and whoever comes next looks for himself
        if not waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return messages

    def _take(self, limit: int) -> list[list[bytes]]:
        self._check_open()
        messages: list[list[bytes]] = []
        try:
            while len(messages) < limit:
                messages.append(
                    [self._socket.recv(zmq.NOBLOCK)] if self._single else self._socket.recv_multipart(zmq.NOBLOCK)
                )
        except zmq.Again:
            pass
        return messages

    async def send_multipart(self, parts: Sequence[bytes]) -> None:
        """Waits while the peer is behind. Not for a ROUTER, which says "writable" while one peer's queue is full."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._offer(parts):
            if not self._wake() & _WRITABLE:
                await self._writers.park()
        self._wake()
        await self._give_way()

    async def _give_way(self) -> None:
        """Lets other tasks run, but not after each of several messages in a row: a turn of trio's loop costs more than
        sending one."""
        now = trio.current_time()
        if now - self._gave_way >= _GIVE_WAY_S:
            self._gave_way = now
            await trio.lowlevel.cancel_shielded_checkpoint()

    def try_send(self, parts: Sequence[bytes]) -> bool:
        """Sends now or not at all; False: the peer's queue is full. Raises PeerGone on a mandatory ROUTER."""
        return self.try_send_many([parts]) == 1

    def try_send_many(self, messages: Iterable[Sequence[bytes]]) -> int:
        """As ``try_send`` for each until one is refused; returns how many were sent."""
        sent = sum(1 for _ in itertools.takewhile(self._offer, messages))
        self._wake()
        return sent

    def _offer(self, parts: Sequence[bytes]) -> bool:
        self._check_open()
        try:
            if len(parts) == 1:
                self._socket.send(parts[0], zmq.NOBLOCK)
            else:
                self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno == errno.EHOSTUNREACH:
                raise PeerGone(repr(parts[0])) from error
            raise
        return True

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError

    def close(self, linger_ms: int = 0) -> None:
        """Ends the pump and every waiter with ClosedResourceError. What is unsent after ``linger_ms`` is lost."""
        if self._closed:
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._descriptor)
        self._readers.unpark_all()
        self._writers.unpark_all()
        self._socket.close(linger=linger_ms)


def bind_private(socket: zmq.Socket[bytes], path: Path) -> str:
    """Binds to a Unix socket that only this user may open; returns the endpoint.

    A leftover of a dead owner is replaced, and so would be a living one's: take a lock first where that may happen.
    """
    mask = os.umask(0o177)  # ZeroMQ creates the file itself, in this call and thread, under the process's mask
    try:
        socket.bind(f"ipc://{path}")
    finally:
        os.umask(mask)
    return f"ipc://{path}"
