"""One end of an HTTP exchange: h11's state machine on a stream."""

from typing import cast

import h11
import trio

from .activity import Activity

_CHUNK = 64 * 1024
MAX_HEAD = 64 * 1024

Event = h11.Request | h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage | h11.ConnectionClosed


class HttpSide:
    """``receive`` and ``send`` raise h11.ProtocolError and trio's errors of streams."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, role: type[h11.CLIENT] | type[h11.SERVER]) -> None:
        self.stream = stream
        self.http = h11.Connection(role, max_incomplete_event_size=MAX_HEAD)
        self.activity: Activity | None = None

    async def receive(self) -> Event | None:
        """None: the other side has sent its one message, and what follows belongs to another protocol or to nobody."""
        while True:
            event = self.http.next_event()
            if event is h11.PAUSED:
                return None
            if event is not h11.NEED_DATA:
                return cast("Event", event)
            data = await self.stream.receive_some(_CHUNK)
            self._touch()
            self.http.receive_data(bytes(data))

    async def send(self, event: Event) -> None:
        data = self.http.send(event)
        if data:
            await self.stream.send_all(data)
            self._touch()

    def _touch(self) -> None:
        if self.activity is not None:
            self.activity.touch()
