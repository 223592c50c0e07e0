"""Progress of a running command for clients: the first pieces at once, then some per second, the last always."""

from collections.abc import Awaitable, Callable

import trio

INTERVAL_S = 0.1
AT_ONCE = 5  # this many pieces are sent without a pause


class ProgressFeed:
    """``send`` publishes the newest state. It runs in ``pump``, so that slow clients do not slow the command down."""

    def __init__(self, send: Callable[[], Awaitable[None]]) -> None:
        self._send = send
        self._changed = trio.Event()
        self._sent = 0

    def touch(self) -> None:
        """There is something new to show."""
        self._changed.set()

    async def pump(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._changed.wait()
            await self.flush()
            if self._sent > AT_ONCE:
                await trio.sleep(INTERVAL_S)

    async def flush(self) -> None:
        """Sends what is not sent yet."""
        if self._changed.is_set():
            self._changed = trio.Event()
            self._sent += 1
            await self._send()
