"""Requests to ``/tui/*`` for clients that fetch them one by one instead of following events.

They are kept only for directories from which somebody fetches: otherwise a program that starts later would carry out
what was meant for another one, long ago.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

ATTENDED_S: Final = 30.0  # after the last fetch: a client that comes back for the next request misses none
MOST: Final = 64  # requests that wait; the oldest is dropped


class ControlQueue:
    """One directory's. ``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._requests: deque[bytes] = deque(maxlen=MOST)
        self._turn = trio.Lock()  # whoever came first is served first
        self._arrived = trio.Event()
        self._fetching = 0
        self._left = float("-inf")  # when the last client went

    @property
    def attended(self) -> bool:
        return self._fetching > 0 or self._clock() - self._left < ATTENDED_S

    def put(self, request: bytes) -> None:
        """Nothing is kept of what nobody fetches."""
        if self.attended:
            self._requests.append(request)
            self._arrived.set()

    async def take(self) -> bytes:
        """The oldest request; waits for one. Clients get them in the order in which they came."""
        if not self.attended:
            self._requests.clear()
        self._fetching += 1
        try:
            async with self._turn:
                while not self._requests:
                    self._arrived = trio.Event()
                    await self._arrived.wait()
                return self._requests.popleft()
        finally:
            self._fetching -= 1
            self._left = self._clock()


class ControlQueues:
    """Those of all directories."""

    def __init__(self) -> None:
        self._queues: dict[str, ControlQueue] = {}

    def put(self, directory: str, request: bytes) -> None:
        queue = self._queues.get(directory)
        if queue is None:
            return
        if queue.attended:
            queue.put(request)
        else:
            del self._queues[directory]

    def attended(self, directory: str) -> bool:
        queue = self._queues.get(directory)
        return queue is not None and queue.attended

    async def take(self, directory: str) -> bytes:
        return await self._queues.setdefault(directory, ControlQueue()).take()
