"""Websockets on which nothing passes: a proxy takes them for dead, often after a minute, unless there are pings."""

from typing import Any, Final

import hypercorn.protocol.h11
import trio
from hypercorn.protocol.events import Event, StreamClosed
from hypercorn.protocol.ws_stream import WSStream
from wsproto.events import Ping

PING_S: Final = 20.0


class PingingSocket(WSStream):
    """Hypercorn's own pings would hold a socket that is closed until the next one was due."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._gone = trio.Event()

    async def handle(self, event: Event) -> None:
        try:
            await super().handle(event)
        finally:
            if isinstance(event, StreamClosed):
                self._gone.set()

    async def _send_pings(self) -> None:
        while not self._gone.is_set():
            with trio.move_on_after(PING_S):
                await self._gone.wait()
                return
            await self._send_wsproto_event(Ping())


def ping_quiet_sockets() -> None:
    """For all servers of this process that have an interval for pings."""
    setattr(hypercorn.protocol.h11, "WSStream", PingingSocket)  # noqa: B010  its stubs do not export the name
