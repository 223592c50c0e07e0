"""The heartbeats of a foreground server's processes, for its parent: whoever has gone silent is frozen, and replaced.

They are what the same processes tell systemd as units, sent to a socket of the parent's instead.
"""

import contextlib
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Final, Self

_CREDENTIALS: Final = struct.Struct("iII")  # struct ucred: pid, uid, gid
_BEAT: Final = b"WATCHDOG=1"
_LONGEST: Final = 4096
_LATE: Final = 0.5  # of the limit: whoever looks so late was not able to look, and can't tell who was silent


class Heartbeats:
    """``limit_s``: of silence, once a process was heard for the first time; 0: nobody is watched. Never blocks."""

    def __init__(self, address: Path, limit_s: float) -> None:
        self.address = str(address)
        self.limit_s = limit_s
        self._heard: dict[int, float] = {}  # pid -> when
        self._due = 0.0  # when to look next
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def __enter__(self) -> Self:
        """Raises OSError."""
        if self.limit_s:
            Path(self.address).unlink(missing_ok=True)
            self._socket.bind(self.address)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # the kernel says who has sent it
            fcntl.fcntl(self._socket, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(self._socket, fcntl.F_SETFL, fcntl.fcntl(self._socket, fcntl.F_GETFL) | os.O_ASYNC)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self.limit_s:
            with contextlib.suppress(OSError):
                Path(self.address).unlink(missing_ok=True)

    def close(self) -> None:
        """In a fork: it is the parent's."""
        self._socket.close()

    def find_frozen(self, now: float) -> list[int]:
        """Processes that were heard once, and then not for too long; each is named once."""
        self._listen(now)
        if self._due and now - self._due > self.limit_s * _LATE:
            self._heard = dict.fromkeys(self._heard, now)  # this process was stopped, or its host slept
        frozen = [pid for pid, heard in self._heard.items() if now - heard >= self.limit_s]
        for pid in frozen:
            self.forget(pid)
        self._due = min(self._heard.values()) + self.limit_s if self._heard else 0.0
        return frozen

    def look_in(self, now: float) -> float | None:
        """So many seconds after ``now``, at the latest, somebody may have to be found frozen; None: never."""
        return max(self._due - now, 0.0) if self._due else None

    def forget(self, pid: int) -> None:
        self._heard.pop(pid, None)

    def _listen(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.limit_s:
                text, extra, _, _ = self._socket.recvmsg(_LONGEST, socket.CMSG_SPACE(_CREDENTIALS.size))
                if _BEAT in text.splitlines():
                    self._heard.update(
                        {_sender(data): now for _, kind, data in extra if kind == socket.SCM_CREDENTIALS}
                    )


def _sender(data: bytes) -> int:
    pid: int = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
    return pid
