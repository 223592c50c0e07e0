from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing
from hypercorn.protocol.events import StreamClosed

from oad.gateway.quiet_sockets import PING_S, PingingSocket


class Socket(PingingSocket):
    """Without a connection: what would be sent is counted."""

    def __init__(self) -> None:
        self._gone = trio.Event()
        self.closed = False
        self.app_put: Callable[..., Awaitable[None]] | None = None  # type: ignore[assignment]
        self.sent = 0

    async def _send_wsproto_event(self, event: Any) -> None:
        self.sent += 1
        await trio.lowlevel.checkpoint()


async def test_pings_come_until_the_socket_is_closed_and_end_then_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    socket = Socket()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(socket._send_pings)
        await trio.sleep(PING_S * 2.5)
        assert socket.sent == 2
        start = trio.current_time()
        await socket.handle(StreamClosed(stream_id=1))
    assert trio.current_time() == start
