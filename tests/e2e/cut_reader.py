"""A client of an event stream whose connection is cut again and again, anywhere, also in the middle of an event."""

import random
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

import h11
import msgspec
import trio

from .server import Json, Server

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: the other end sees a reset instead of an end


class CutReader:
    """``frames``: every numbered frame that arrived whole, as (id, JSON). ``mid_frame``: cuts inside of one.
    ``others``: types of the server's own events."""

    def __init__(self, server: Server, path: str, seed: int) -> None:
        self.frames: list[tuple[str, Json]] = []
        self.cuts = 0
        self.mid_frame = 0
        self.others: list[str] = []
        self._server = server
        self.path = path
        self._random = random.Random(seed)
        self._last_id = ""

    async def read_and_cut(self) -> None:
        """One connection: so many bytes, or so long."""
        most = int(10 ** self._random.uniform(0, 4.7))
        with trio.move_on_after(self._random.uniform(0.02, 0.3)):
            await self.read(most)
        self.cuts += 1

    async def read(self, most: int = 1 << 60) -> None:
        """Until so many bytes of the stream have come, or it breaks off."""
        buffer = b""
        try:
            place = urlsplit(self._server.url)
            stream = await trio.open_tcp_stream(place.hostname or "", place.port or 0)
        except OSError:
            await trio.sleep(0.02)
            return
        async with stream:
            try:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client = h11.Connection(h11.CLIENT)
                await stream.send_all(self._request(client))
                while most > 0 and (data := await stream.receive_some(min(most, 65536))):
                    most -= len(data)
                    client.receive_data(data)
                    buffer = self._take(buffer + _payload(client))
            except (trio.BrokenResourceError, h11.RemoteProtocolError):
                pass
            finally:
                self.mid_frame += bool(buffer)

    def observe(self, event: Json) -> None:
        """Of every event that arrives whole."""

    def _request(self, client: h11.Connection) -> bytes:
        headers = {"host": "127.0.0.1", "x-opencode-directory": str(self._server.project)}
        if self._last_id:
            headers["last-event-id"] = self._last_id
        request = h11.Request(method="GET", target=self.path, headers=list(headers.items()))
        return (client.send(request) or b"") + (client.send(h11.EndOfMessage()) or b"")

    def _take(self, buffer: bytes) -> bytes:
        *blocks, rest = buffer.split(b"\n\n")
        for block in blocks:
            lines = dict(line.split(": ", 1) for line in block.decode().split("\n"))
            data = msgspec.json.decode(lines["data"])
            self.observe(data.get("payload", data))
            if "id" in lines:
                self._last_id = lines["id"]
                self.frames.append((lines["id"], data))
            elif (data.get("payload", data))["type"].startswith("server."):
                self.others.append(data.get("payload", data)["type"])
        return rest


def _payload(client: h11.Connection) -> bytes:
    found = b""
    while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        if isinstance(event, h11.Response):
            assert event.status_code == 200, event
        elif isinstance(event, h11.Data):
            found += event.data
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    return found
