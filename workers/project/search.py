"""Finding files by name, and lines by what is in them."""

import base64
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from oad.contract.errors import ApiError, bad_request
from oad.contract.files import EntryType, FileMatch, FileSystemEntry, MatchText, Submatch

from ..exec import Exec
from ..tools.ripgrep import run_ripgrep
from ..tools.tool import ToolFailed
from .early import early
from .file_names import SEEN, FileNames

MAX_MATCHES: Final = 10  # lines, as clients of this route expect
_MAX_FOUND: Final = 1000  # names


async def find_text(exec: Exec, directory: str, pattern: str) -> list[FileMatch]:
    """Some lines that match, not always the same ones. Raises ApiError (400) for a pattern that is no expression."""
    found: list[FileMatch] = []
    enough = trio.Event()

    def take(line: bytes) -> bool:
        record = _decoder.decode(line)
        if record.type == "match":
            found.append(_match(record.data))
        if len(found) < MAX_MATCHES:
            return True
        enough.set()
        return False

    # More than one of a file is of use, all of one file would hide the others.
    arguments = ["--json", *SEEN, f"--max-count={MAX_MATCHES}", "--regexp", pattern, "--", "."]
    try:
        await early(partial(run_ripgrep, exec, Path(directory), arguments, b"\n", take), enough)
    except ToolFailed as error:
        raise _refusal(error) from None
    return sorted(found, key=lambda each: (each.path.text, each.line_number))


async def find_files(
    names: FileNames, directory: str, query: str, *, limit: int, type: EntryType | None = None
) -> list[FileSystemEntry]:
    """The best first; directories end in a slash."""
    if not query.strip():
        return []
    try:
        index = await names.index(directory)
    except ToolFailed as error:
        raise _refusal(error) from None
    best = await trio.to_thread.run_sync(index.best, query, min(limit, _MAX_FOUND), type)
    return [FileSystemEntry(path=path, type="directory" if path.endswith("/") else "file") for path in best]


def _refusal(error: ToolFailed) -> ApiError:
    return bad_request(str(error)[:2000], "Query")


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
