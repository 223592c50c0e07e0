"""Who could hear of an ask: the event streams that are open on all gateways, as these report them."""

import math
from typing import Final

import trio

_REMEMBERED: Final = 1024  # directories


class Listeners:
    """A stream of all directories hears every ask, one of a directory those asked there."""

    def __init__(self) -> None:
        self._streams: dict[bytes, dict[str, int]] = {}  # gateway -> directory ("" for all) -> how many
        self._last: dict[str, float] = {}  # when somebody was last seen there
        self._cut: dict[bytes, int] = {}  # gateway -> streams that it has cut off
        self._cut_before = 0  # by gateways that are gone
        self.changed = trio.Event()  # set and replaced with every change

    def report(self, gateway: bytes, streams: dict[str, int], cut: int = 0) -> None:
        """A gateway's counts, which replace its last ones."""
        self._cut[gateway] = cut
        self._replace(gateway, {directory: number for directory, number in streams.items() if number > 0})

    def forget(self, gateway: bytes) -> None:
        """It is gone, and with it its streams; who had one comes back through another."""
        self._cut_before += self._cut.pop(gateway, 0)
        self._replace(gateway, {})

    def _replace(self, gateway: bytes, streams: dict[str, int]) -> None:
        for directory in self._streams.pop(gateway, {}):
            self._note(directory)
        if streams:
            self._streams[gateway] = streams
        self._notify()

    def saw(self, directory: str) -> None:
        """Somebody has looked at the list of asks, without a stream: as good as one that has just ended."""
        self._note(directory)
        self._notify()

    def _note(self, directory: str) -> None:
        self._last.pop(directory, None)  # it becomes the last one
        self._last[directory] = trio.current_time()
        if len(self._last) > _REMEMBERED:
            del self._last[next(iter(self._last))]

    @property
    def open(self) -> int:
        """Streams, on all gateways."""
        return sum(sum(streams.values()) for streams in self._streams.values())

    @property
    def cut(self) -> int:
        """Streams that were cut off since the daemon started, as far as gateways have told."""
        return self._cut_before + sum(self._cut.values())

    def hears(self, directory: str) -> bool:
        return any("" in streams or directory in streams for streams in self._streams.values())

    def follows(self, directory: str) -> bool:
        """Whether somebody listens to that directory in particular."""
        return any(directory in streams for streams in self._streams.values())

    def last_heard(self, directory: str) -> float:
        """When somebody last could; minus infinity: never. For a directory that nobody hears of now."""
        return max(self._last.get("", -math.inf), self._last.get(directory, -math.inf))

    def _notify(self) -> None:
        self.changed.set()
        self.changed = trio.Event()
