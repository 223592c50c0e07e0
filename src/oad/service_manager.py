"""What systemd is told of a process: that it is ready, how it is, and that it is alive. See sd_notify(3).

The protocol is one datagram of ``NAME=value`` lines; a library for it would be larger than this.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Final

import trio

from oad import __version__

_BEATS_PER_LIMIT: Final = 3  # one or two may be late before the manager takes action
_STATUS_EVERY_S: Final = 10.0


class ServiceManager:
    """``address`` is that of its datagram socket, empty where there is none: then nothing is sent. Without a heartbeat
    for ``watchdog_s`` it ends the process and starts another; 0: it does not watch."""

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = watchdog_s

    @property
    def interval_s(self) -> float:
        """Between two heartbeats; 0: none are wanted."""
        return self._watchdog_s / _BEATS_PER_LIMIT if self._address else 0.0

    def beat(self) -> None:
        """For whoever has no event loop to ``report`` from."""
        if self._watchdog_s:
            self._tell(WATCHDOG="1")

    def ready(self, status: str) -> None:
        self._tell(READY="1", STATUS=status)

    def starting(self, status: str, *, within_s: float) -> None:
        """``within_s``: so long the manager waits for the next word."""
        self._tell(STATUS=status, EXTEND_TIMEOUT_USEC=str(int(within_s * 1e6)))

    def reloading(self) -> None:
        """To be followed by ``ready``."""
        self._tell(RELOADING="1", MONOTONIC_USEC=str(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000))

    def stopping(self, status: str, *, within_s: float = 0.0) -> None:
        """``within_s``: so long the manager waits for the next word; 0: as its own limit for stops has it."""
        extension = {"EXTEND_TIMEOUT_USEC": str(int(within_s * 1e6))} if within_s else {}
        self._tell(STOPPING="1", STATUS=status, **extension)

    async def report(self, describe: Callable[[], str]) -> None:
        """Beats for as long as this event loop turns, and says how the process is. Returns only when cancelled."""
        said, due = "", 0.0
        while self._address:
            self.beat()
            if trio.current_time() >= due and (status := describe()) != said:
                self._tell(STATUS=status)
                said, due = status, trio.current_time() + _STATUS_EVERY_S
            await trio.sleep(self.interval_s or _STATUS_EVERY_S)
        await trio.sleep_forever()

    def _tell(self, **fields: str) -> None:
        if not self._address:
            return
        if "STATUS" in fields:
            # After an upgrade some processes may still be of the old one.
            fields["STATUS"] = f"oad {__version__}: {fields['STATUS']}"
        text = "\n".join(f"{name}={value}" for name, value in fields.items())
        # A manager that is itself restarting must not end its services.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), self._address)


def take_service_manager(environment: MutableMapping[str, str]) -> ServiceManager:
    """Also takes the variables away: what this process starts must not speak for it."""
    address = environment.pop("NOTIFY_SOCKET", "")
    limit_us, watched = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    is_watched = limit_us.isdigit() and watched in ("", str(os.getpid()))
    return ServiceManager(address, int(limit_us) / 1e6 if is_watched else 0.0)
