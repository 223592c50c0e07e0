"""Giving up on connections on which nothing moves."""

from collections.abc import Generator
from contextlib import contextmanager

import trio


class Activity:
    """The block of ``watched`` is cancelled when ``idle_s`` have passed since the last ``touch``."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._scope: trio.CancelScope | None = None

    def touch(self) -> None:
        if self._scope is not None:
            self._scope.deadline = trio.current_time() + self._idle_s

    @contextmanager
    def watched(self) -> Generator[None]:
        with trio.CancelScope(deadline=trio.current_time() + self._idle_s) as self._scope:
            yield
