"""Finding files by name, and lines by what is in them."""

import base64
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import trio

from oad.contract.errors import bad_request
from oad.contract.files import EntryType, FileMatch, FileSystemEntry, MatchText, Submatch

from ..exec import Exec
from ..tools.ripgrep import run_ripgrep
from ..tools.tool import ToolFailed
from .enclosure import shown
from .fuzzy import rank

MAX_MATCHES: Final = 10  # lines, as clients of this route expect
_MAX_FOUND: Final = 1000  # names
_MAX_FILES: Final = 200_000  # that are considered
_SEEN: Final = ("--hidden", "--glob", "!.git/", "--no-messages", "--no-config")


async def find_text(exec: Exec, directory: str, pattern: str) -> list[FileMatch]:
    """Some lines that match, not always the same ones. Raises ApiError (400) for a pattern that is no expression."""
    found: list[FileMatch] = []

    def take(line: bytes) -> bool:
        record = _decoder.decode(line)
        if record.type == "match":
            found.append(_match(record.data))
        return len(found) < MAX_MATCHES

    # More than one of a file is of use, all of one file would hide the others.
    arguments = ["--json", *_SEEN, f"--max-count={MAX_MATCHES}", "--regexp", pattern, "--", "."]
    await _search(exec, directory, arguments, b"\n", take)
    return sorted(found, key=lambda each: (each.path.text, each.line_number))


async def find_files(
    exec: Exec, directory: str, query: str, *, limit: int, type: EntryType | None = None
) -> list[FileSystemEntry]:
    """The best first; directories end in a slash. What git ignores is not found, nor are empty directories."""
    if not query.strip():
        return []
    files: list[bytes] = []

    def take(name: bytes) -> bool:
        files.append(name)
        return len(files) < _MAX_FILES

    await _search(exec, directory, ["--files", "--null", *_SEEN], b"\0", take)
    best = await trio.to_thread.run_sync(_best, query, files, type, min(limit, _MAX_FOUND))
    return [FileSystemEntry(path=path, type="directory" if path.endswith("/") else "file") for path in best]


def _best(query: str, names: Sequence[bytes], type: EntryType | None, limit: int) -> list[str]:
    files = shown(os.fsdecode(b"\0".join(names))).split("\0")
    paths = list[str]() if type == "directory" else list(files)
    if type != "file":
        paths += directories_of(files)
    return rank(query, paths, limit)


def directories_of(files: Sequence[str]) -> list[str]:
    """All that lie above the files, with a slash at their ends."""
    found: set[str] = set()
    for path in files:
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return [f"{path}/" for path in found]


class _Text(msgspec.Struct, frozen=True):
    """Text, or base64 of what is not UTF-8."""

    text: str | None = None
    bytes: str | None = None

    def decoded(self) -> str:
        if self.text is not None:
            return self.text
        return base64.b64decode(self.bytes or "").decode("utf-8", "replace")


class _Submatch(msgspec.Struct):
    match: _Text
    start: int
    end: int


class _Data(msgspec.Struct):
    path: _Text = _Text()
    lines: _Text = _Text()
    line_number: int | None = None
    absolute_offset: int = 0
    submatches: list[_Submatch] = []


class _Record(msgspec.Struct):
    type: str
    data: _Data


_decoder = msgspec.json.Decoder(_Record)


def _match(data: _Data) -> FileMatch:
    line = data.lines.decoded()
    return FileMatch(
        path=MatchText(text=data.path.decoded().removeprefix("./")),
        lines=MatchText(text=line),
        line_number=data.line_number or 0,
        absolute_offset=data.absolute_offset,
        submatches=[
            Submatch(match=MatchText(text=each.match.decoded()), start=each.start, end=each.end)
            for each in data.submatches
        ],
    )


async def _search(
    exec: Exec, directory: str, arguments: list[str], separator: bytes, take: Callable[[bytes], bool]
) -> None:
    try:
        await run_ripgrep(exec, Path(directory), arguments, separator, take)
    except ToolFailed as error:
        raise bad_request(str(error)[:2000], "Query") from None
