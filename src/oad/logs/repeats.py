"""The same line over and over is held back, and counted: a disk that is full must not fill another one. Pure."""

import logging
from collections import OrderedDict
from typing import Any, Final, cast

WINDOW_S: Final = 10.0
_REMEMBERED: Final = 256  # different lines
_VOLATILE: Final = frozenset({"timestamp", "request", "pid"})


class _Seen:
    __slots__ = ("count", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0


class Repeats:
    """Lets ``most`` of a line through in ten seconds; the next one after that tells how many were held back. 0: all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[object, _Seen] = OrderedDict()

    def admits(self, key: object, now: float) -> int | None:
        """How many of them were held back before this one; None to hold this one back too."""
        if not self._most:
            return 0
        held = 0
        seen = self._seen.get(key)
        if seen is None or now - seen.since >= WINDOW_S:
            held = max(seen.count - self._most, 0) if seen is not None else 0
            seen = self._seen[key] = _Seen(now)
            self._seen.move_to_end(key)
            self._forget(now)
        seen.count += 1
        return held if seen.count <= self._most else None

    def _forget(self, now: float) -> None:
        """Lines that did not come again, with nothing to be told of; and the oldest, when there are too many."""
        while len(self._seen) > _REMEMBERED or self._is_spent(next(iter(self._seen.values())), now):
            self._seen.popitem(last=False)

    def _is_spent(self, seen: _Seen, now: float) -> bool:
        return now - seen.since >= WINDOW_S and seen.count <= self._most


def identity(record: logging.LogRecord) -> object:
    """Equal for lines that say the same of the same."""
    said: Any = record.msg
    if isinstance(said, dict):
        fields = cast(dict[str, object], said)
        return record.name, record.levelno, repr([item for item in fields.items() if item[0] not in _VOLATILE])
    return record.name, record.levelno, record.getMessage()
