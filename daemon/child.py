"""A session's init as a child of the daemon: signalled, awaited and collected by pidfd."""

import os
import signal
import socket
from collections.abc import Awaitable, Callable

import trio

from oad.contract.worker import Level

from . import procs, tree_kill


class SpawnedChild:
    """See spawn.Child. Owns the descriptors given to it and closes them at the end."""

    def __init__(
        self,
        level: Level,
        *,
        pidfd: int,
        worker_pidfd: int,
        control: socket.socket,
        on_end: Callable[["SpawnedChild"], Awaitable[None]],
    ) -> None:
        self.level: Level = level
        self.init_pid, self.worker_pid = procs.pid_of(pidfd), procs.pid_of(worker_pidfd)
        self._pidfd, self._worker_pidfd = pidfd, worker_pidfd
        self._control = control  # while it is open, the init knows that we live
        self._on_end = on_end
        self.survivors = 0
        self._status: int | None = None
        self._lock = trio.Lock()

    def signal_worker(self, signum: int) -> bool:
        return self._status is None and _send(self._worker_pidfd, signum)

    def kill(self) -> None:
        if self._status is not None:
            return
        if self.level == "subreaper":
            # Stopped first, or it would go on forking holders while the tree is walked.
            _send(self._pidfd, signal.SIGSTOP)
            tree_kill.kill_below(self.init_pid)
        _send(self._pidfd, signal.SIGKILL)

    async def wait(self) -> int:
        async with self._lock:
            if self._status is None:
                await trio.lowlevel.wait_readable(self._pidfd)
                self._status = self._collect()
                with trio.CancelScope(shield=True):
                    await self._on_end(self)
        return self._status

    def _collect(self) -> int:
        result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)
        os.close(self._worker_pidfd)
        self._control.close()
        if result is None:
            raise ChildProcessError(f"pidfd of {self.init_pid} is readable, but it has not ended")
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def _send(pidfd: int, signum: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, signum)
    except ProcessLookupError:
        return False
    return True
