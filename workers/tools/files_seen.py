"""What the session's model has seen of which file, so that a change made elsewhere is not overwritten unseen."""

import os
from pathlib import Path

from .tool import ToolContext, ToolFailed

Stamp = tuple[int, int]


def files_seen(context: ToolContext) -> "FilesSeen":
    """The session's record, kept in the services that its calls share."""
    found = context.services.setdefault("files_seen", FilesSeen())
    assert isinstance(found, FilesSeen)
    return found


class FilesSeen:
    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}

    def note(self, path: Path) -> None:
        """The model has read the file, or knows it because it wrote it. Blocks."""
        stamp = _stamp(path)
        if stamp is not None:
            self._stamps[os.path.realpath(path)] = stamp

    def check(self, path: Path) -> None:
        """Raises ToolFailed for a file that changed since the model saw it; one that it never saw passes. Blocks."""
        key = os.path.realpath(path)
        seen, now = self._stamps.get(key), _stamp(path)
        if seen is not None and now is not None and seen != now:
            raise ToolFailed(f"{path} has changed since you last read it. Read it again before you change it.")


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
