"""What the daemon is told of logins, for its audit log. Bounded in memory and in number, whatever clients do."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from oad.contract.errors import ApiError
from oad.contract.wire import Origin

AGAIN_S: Final = 3600.0  # a success is told once in that time, for each credential and address
_MAX_REMEMBERED: Final = 1000
_MAX_WAITING: Final = 100

Tell = Callable[[dict[str, str], Origin], Awaitable[None]]


class LoginReports:
    """Reports wait here until ``run`` sends them: no request is slower for them. When too many wait, only how many
    there were is told."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._sending, self._waiting = trio.open_memory_channel[tuple[dict[str, str], Origin]](_MAX_WAITING)
        self._dropped = 0

    def failed(self, address: str, method: str, path: str) -> None:
        self._put({"outcome": "failed", "path": path[:200]}, Origin("", address, method))

    def succeeded(self, who: str, address: str, now: float) -> None:
        last = self._known.get((who, address))
        if last is not None and now - last < AGAIN_S:
            return
        self._known[who, address] = now
        self._known.move_to_end((who, address))
        if len(self._known) > _MAX_REMEMBERED:
            self._known.popitem(last=False)
        self._put({"outcome": "succeeded"}, Origin(who, address))

    def _put(self, params: dict[str, str], origin: Origin) -> None:
        try:
            self._sending.send_nowait((params, origin))
        except trio.WouldBlock:
            self._dropped += 1

    async def run(self, tell: Tell) -> None:
        async for params, origin in self._waiting:
            if self._dropped:
                params["before"], self._dropped = str(self._dropped), 0
            try:
                await tell(params, origin)
            except ApiError:
                self._dropped += 1  # no daemon, or one that can't write
