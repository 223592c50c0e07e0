"""Work that goes on after the request for it was answered."""

from collections.abc import Awaitable, Callable

import structlog
import trio

_log = structlog.get_logger("oad.chores")


class Chores:
    """Each is known by a key and can be given up by it; at the end of the service all are."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._scopes: dict[str, list[tuple[trio.CancelScope, trio.Event]]] = {}

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await trio.sleep_forever()

    def start(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """``work`` tells by itself what has failed; what it raises is logged."""
        if self._nursery is not None:
            scope, done = trio.CancelScope(), trio.Event()
            self._scopes.setdefault(key, []).append((scope, done))
            self._nursery.start_soon(self._carry_out, key, work, scope, done)

    async def give_up(self, key: str) -> None:
        """Returns when nothing of that key is under way any more."""
        for scope, done in list(self._scopes.get(key, [])):
            scope.cancel()
            await done.wait()

    async def _carry_out(
        self, key: str, work: Callable[[], Awaitable[None]], scope: trio.CancelScope, done: trio.Event
    ) -> None:
        try:
            with scope:
                await work()
        except Exception as error:  # noqa: BLE001  the boundary of a chore
            _log.error("a chore failed", chore=key, exc_info=error)
        finally:
            self._scopes[key].remove((scope, done))
            if not self._scopes[key]:
                del self._scopes[key]
            done.set()
