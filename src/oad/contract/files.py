"""Files of a directory, what is found in them, and how they differ from what is committed."""

from typing import Literal

import msgspec

from .wire_model import WireModel

EntryType = Literal["file", "directory"]
Change = Literal["added", "deleted", "modified"]


class FileNode(WireModel):
    """``path`` is relative to the directory; that of a directory ends in a slash."""

    name: str
    path: str
    absolute: str
    type: EntryType
    ignored: bool


class PatchHunk(WireModel):
    """``lines`` begin with a space, ``+`` or ``-``."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: list[str]


class FilePatch(WireModel):
    old_file_name: str
    new_file_name: str
    hunks: list[PatchHunk]
    old_header: str | None = None
    new_header: str | None = None
    index: str | None = None


class FileContent(WireModel):
    """``diff`` and ``patch`` say the same: the difference from what is committed."""

    type: Literal["text", "binary"]
    content: str
    diff: str | None = None
    patch: FilePatch | None = None
    encoding: Literal["base64"] | None = None
    mime_type: str | None = None


class FileStatus(WireModel):
    path: str
    added: int
    removed: int
    status: Change


class MatchText(WireModel):
    text: str


class Submatch(WireModel):
    """``start`` and ``end`` count bytes in the line."""

    match: MatchText
    start: int
    end: int


class FileMatch(WireModel):
    """A line that matches; ``absolute_offset`` is where it begins in the file, in bytes."""

    path: MatchText
    lines: MatchText
    line_number: int = msgspec.field(name="line_number")
    absolute_offset: int = msgspec.field(name="absolute_offset")
    submatches: list[Submatch]


class FileSystemEntry(WireModel):
    path: str
    type: EntryType


class Position(WireModel):
    line: int
    character: int


class Range(WireModel):
    start: Position
    end: Position


class SymbolLocation(WireModel):
    uri: str
    range: Range


class Symbol(WireModel):
    name: str
    kind: int
    location: SymbolLocation


class VcsFileStatus(WireModel):
    file: str
    additions: int
    deletions: int
    status: Change


class VcsFileDiff(WireModel):
    """Without ``patch`` where it would be too large."""

    file: str
    additions: int
    deletions: int
    patch: str | None = None
    status: Change | None = None


class VcsPatch(WireModel):
    patch: str


class VcsApplied(WireModel):
    applied: bool
