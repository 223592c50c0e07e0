"""A call holder that is forked ahead of its call, while the session is at rest.

Forking the init takes longer than most of what happens before a command starts: its memory is that of all the libraries
that the worker needs, and what is touched of it after the fork is copied page by page. One reserve per session is kept,
from its first command on; where there is none, as for several calls at once, a holder is forked as needed. A reserve
keeps nothing, and may be lost at any time.
"""

import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from typing import Final, NoReturn

from oad.contract.broker import receive_request, send_request
from oad.contract.worker import Level, Run

from . import holder

# For so long nothing must have happened before a reserve is forked, lest somebody is kept waiting by that: the next of
# several calls at once, and the worker that learns of a call's end.
_BUSY_MS: Final = 30
_CALM_MS: Final = 2
_ANSWER_S: Final = 0.2
_TAKEN: Final = b"taken"


class Reserve:
    """``pid`` is 0 while there is none. ``due_ms``: when so long nothing has happened one is wanted; 0: none is."""

    def __init__(self) -> None:
        self.pid = 0
        self.due_ms = 0
        self._sock: socket.socket | None = None

    def plan(self, *, busy: bool) -> None:
        """``busy``: a call has begun, else one has ended."""
        self.due_ms = 0 if self.pid else _BUSY_MS if busy else _CALM_MS

    def fork(self, session: str, level: Level, around: holder.Surroundings) -> None:
        self.due_ms = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            _wait(theirs.detach(), session, level, around)
        theirs.close()
        self.pid, self._sock = pid, ours

    def take(self, request: Run, fds: Sequence[int]) -> int:
        """Gives it the call and returns its number; 0 when there is none, or none that takes it."""
        pid, sock = self.pid, self._sock
        self.pid, self._sock = 0, None
        if sock is None:
            return 0
        with sock, contextlib.suppress(OSError):
            sock.settimeout(_ANSWER_S)
            send_request(sock, request, fds)
            if sock.recv(len(_TAKEN)):
                return pid
        # Killed or stopped by a command of its session. Until it is reaped, like every child, the number is its own.
        os.kill(pid, signal.SIGKILL)
        return 0

    def forget(self, pid: int) -> None:
        """It has ended, because somebody in its session has killed it."""
        if pid == self.pid and self._sock is not None:
            self._sock.close()
            self.pid, self._sock = 0, None


def _wait(fd: int, session: str, level: Level, around: holder.Surroundings) -> NoReturn:
    """In the fork. The end of the stream means that the init has gone."""
    try:
        holder.settle((fd, *around.network.descriptors), session, "reserve", level)
        _warm(around)
        with socket.socket(fileno=fd) as sock:
            received = receive_request(sock)
            if received is not None:
                sock.send(_TAKEN)
        if received is not None:
            request, fds = received
            assert isinstance(request, Run)
            holder.carry_out(request, holder.Pipes(*fds), session=session, level=level, around=around)
    except BaseException as error:  # the call sees its pipes closed
        with contextlib.suppress(OSError):
            os.write(2, f"oad: a reserve holder failed: {error!r}\n".encode())
        raise
    finally:
        os._exit(0)


def _warm(around: holder.Surroundings) -> None:
    """Plans a call for nothing, so that the pages which that touches are copied now."""
    if around.enclosure.confinement.level != "namespaces":
        return  # the other levels would restrict this very process
    with contextlib.suppress(OSError):
        confined = around.enclosure.confine(Run(0, ["/bin/sh"], "/", {}))
        for fd in (*confined.inherited, confined.status):
            os.close(fd)
    with contextlib.suppress(OSError):
        around.enclosure.prepare_reader()
