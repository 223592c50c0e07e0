"""A call holder that is forked ahead of its call, while the session is at rest.

Forking the init takes longer than anything else before a command starts: its memory is that of all the libraries that
the worker needs. One reserve per session is kept, from its first command on; where there is none, as in a quick
succession of calls, a holder is forked as needed. It holds nothing, and may be lost at any time.
"""

import contextlib
import os
import socket
from collections.abc import Sequence

from oad.contract.broker import receive_request, send_request
from oad.contract.worker import Level, Run

from . import holder

REST_S = 0.03  # without a request, before a reserve is forked: whoever waits now is not kept waiting by it


class Reserve:
    """``pid`` is 0 while there is none. ``wanted``: it is time to fork one, when the session rests."""

    def __init__(self) -> None:
        self.pid = 0
        self.wanted = False
        self._sock: socket.socket | None = None

    def fork(self, session: str, level: Level, around: holder.Surroundings) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            _wait(theirs.detach(), session, level, around)
        theirs.close()
        self.pid, self._sock, self.wanted = pid, ours, False

    def take(self, request: Run, fds: Sequence[int]) -> int:
        """Gives it the call and returns its number; 0 when there is none, or none that takes it."""
        pid, sock = self.pid, self._sock
        self.pid, self._sock, self.wanted = 0, None, True
        if sock is None:
            return 0
        with sock:
            try:
                send_request(sock, request, fds)
            except OSError:
                return 0  # it was killed a moment ago; it will be reaped like any other child
        return pid

    def forget(self, pid: int) -> None:
        """It has ended, because somebody in its session has killed it."""
        if pid == self.pid and self._sock is not None:
            self._sock.close()
            self.pid, self._sock = 0, None


def _wait(fd: int, session: str, level: Level, around: holder.Surroundings) -> None:
    """In the fork; never returns. The end of the stream means that the init has gone."""
    try:
        holder.settle((fd, *around.network.descriptors), session, "reserve", level)
        with socket.socket(fileno=fd) as sock:
            received = receive_request(sock)
        if received is not None:
            request, fds = received
            assert isinstance(request, Run)
            holder.carry_out(request, holder.Pipes(*fds), session=session, level=level, around=around)
    except BaseException:  # noqa: BLE001  the last frame of this process; its call sees its pipes closed
        with contextlib.suppress(OSError):
            os.write(2, b"oad: a reserve holder failed\n")
    finally:
        os._exit(0)
