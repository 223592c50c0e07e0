"""Sockets that the service manager has opened for us. See sd_listen_fds(3)."""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

from .listener import USER_TIMEOUT_MS

_FIRST: Final = 3


def take_listeners(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """None where this process was started in another way. Takes the variables away: they are not for our children."""
    count, process = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if not count.isdigit() or process != str(os.getpid()):
        return []
    return [_adopt(number) for number in range(_FIRST, _FIRST + int(count))]


def _adopt(number: int) -> socket.socket:
    os.set_inheritable(number, False)
    listener = socket.socket(fileno=number)
    if listener.family != socket.AF_UNIX:
        # As for sockets of our own: accepted ones inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    return listener
