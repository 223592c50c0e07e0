"""What a server has said about files, and waiting for what it says next. Pure but for the waiting."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec
import trio

from oad.contract.language import Diagnostic

_MAX_FILES: Final = 2000
_MAX_PER_FILE: Final = 200
_MAX_MESSAGE: Final = 2000
_SETTLED_S: Final = 0.15  # some servers say what they find in two pieces, one right after the other


class _Published(msgspec.Struct):
    uri: str
    diagnostics: list[Diagnostic]
    version: int | None = None


_decode: Final = msgspec.json.Decoder(_Published).decode


class Findings:
    def __init__(self) -> None:
        self.by_path: dict[str, list[Diagnostic]] = {}  # oldest first
        self._versions: dict[str, tuple[int, int | None]] = {}  # how often a file was spoken of; the newest version
        self._news = trio.Event()

    def take(self, params: msgspec.Raw) -> None:
        """Parameters of ``textDocument/publishDiagnostics``. Raises msgspec.MsgspecError."""
        published = _decode(params)
        path = path_of(published.uri)
        if path is None:
            return
        self.by_path.pop(path, None)
        self.by_path[path] = [_shortened(each) for each in published.diagnostics[:_MAX_PER_FILE]]
        self._versions[path] = (self.count(path) + 1, published.version)
        while len(self.by_path) > _MAX_FILES:
            oldest = next(iter(self.by_path))
            del self.by_path[oldest], self._versions[oldest]
        self._news.set()
        self._news = trio.Event()

    def forget(self, path: str) -> None:
        self.by_path.pop(path, None)
        self._versions.pop(path, None)

    def count(self, path: str) -> int:
        return self._versions.get(path, (0, None))[0]

    async def fresh(self, path: str, *, seen: int, version: int) -> None:
        """Waits until it was said what a version of the file has; ``seen``: the count before it was sent."""
        while not self._is_fresh(path, seen, version):
            await self._news.wait()
        count = -1
        while count != self.count(path):
            count = self.count(path)
            with trio.move_on_after(_SETTLED_S):
                await self._news.wait()

    def _is_fresh(self, path: str, seen: int, version: int) -> bool:
        count, newest = self._versions.get(path, (0, None))
        return count > seen and (newest is None or newest >= version)


def path_of(uri: str) -> str | None:
    """None for what is no file."""
    try:
        split = urlsplit(uri)
    except ValueError:
        return None
    return unquote(split.path) if split.scheme == "file" else None


def uri_of(path: str) -> str:
    return Path(path).as_uri()


def _shortened(diagnostic: Diagnostic) -> Diagnostic:
    if len(diagnostic.message) <= _MAX_MESSAGE:
        return diagnostic
    return msgspec.structs.replace(diagnostic, message=diagnostic.message[:_MAX_MESSAGE] + "…")
