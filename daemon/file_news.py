"""Changes of files, each told once: what a tool has written is seen by whoever watches the directory, too."""

from collections import OrderedDict
from typing import Final

import msgspec
import trio

TYPE: Final = "file.watcher.updated"
_REMEMBERED_S: Final = 30.0
_MAX_REMEMBERED: Final = 4096


class _Change(msgspec.Struct):
    """``state`` tells two states of a file apart; it is no client's business."""

    file: str
    event: str
    state: str = ""


class FileNews:
    def __init__(self) -> None:
        self._written: OrderedDict[str, tuple[str, float]] = OrderedDict()  # state and time, by file

    def of_tool(self, body: bytes) -> bytes:
        """What is told of it. Raises msgspec.DecodeError."""
        change = msgspec.json.decode(body, type=_Change)
        self._written[change.file] = (change.state, trio.current_time())
        self._written.move_to_end(change.file)
        while len(self._written) > _MAX_REMEMBERED:
            self._written.popitem(last=False)
        return _told(change)

    def of_watcher(self, body: bytes) -> bytes | None:
        """Likewise; None when a tool has told of that very state. Raises msgspec.DecodeError."""
        change = msgspec.json.decode(body, type=_Change)
        state, when = self._written.get(change.file, ("", 0.0))
        if change.state and change.state == state and trio.current_time() - when < _REMEMBERED_S:
            return None
        return _told(change)


def _told(change: _Change) -> bytes:
    return msgspec.json.encode({"file": change.file, "event": change.event})
