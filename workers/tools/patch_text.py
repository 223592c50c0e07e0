"""The patch format of apply_patch: what a text asks for, file by file.

*** Begin Patch
*** Add File: path          then lines that begin with +
*** Delete File: path
*** Update File: path       then perhaps *** Move to: path, and pieces of " context", "-old" and "+new" lines,
@@ a line above the piece   each piece with such a head, or several, to tell where it belongs
*** End of File             after a piece that belongs at the end
*** End Patch
"""

from typing import Literal

import msgspec

from .tool import ToolFailed

_BEGIN, _END, _END_OF_FILE = "*** Begin Patch", "*** End Patch", "*** End of File"
_ADD, _DELETE, _UPDATE, _MOVE = "*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move to: "


class Piece(msgspec.Struct):
    """Consecutive lines and what they become; ``heads`` are lines somewhere above, outermost first."""

    heads: list[str]
    old: list[str]
    new: list[str]
    at_end: bool = False


class FilePatch(msgspec.Struct):
    kind: Literal["add", "delete", "update"]
    path: str
    move_to: str | None = None
    content: str = ""  # of an added file
    pieces: list[Piece] = []


def parse_patch(text: str) -> list[FilePatch]:
    """Raises ToolFailed with the line that is wrong."""
    lines = _body(text)
    patches: list[FilePatch] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        patch, at = _file(lines, at)
        patches.append(patch)
    if not patches:
        raise ToolFailed("The patch is empty: it names no file.")
    return patches


def _body(text: str) -> list[str]:
    """The lines between the marks; a heredoc or code fence around them is forgiven."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    marks = [line.strip() for line in lines]
    if _BEGIN not in marks or _END not in marks[marks.index(_BEGIN) :]:
        raise ToolFailed(f'A patch must begin with "{_BEGIN}" and end with "{_END}".')
    begin = marks.index(_BEGIN)
    return lines[begin + 1 : begin + marks[begin:].index(_END)]


def _file(lines: list[str], at: int) -> tuple[FilePatch, int]:
    head = lines[at]
    if head.startswith(_DELETE):
        return FilePatch("delete", _path(head, _DELETE)), at + 1
    if head.startswith(_ADD):
        return _added(lines, at)
    if head.startswith(_UPDATE):
        return _updated(lines, at)
    raise ToolFailed(f"Expected a line that names a file, such as *** Update File: path, but found: {head[:200]}")


def _path(line: str, mark: str) -> str:
    return line[len(mark) :].strip()


def _added(lines: list[str], at: int) -> tuple[FilePatch, int]:
    content: list[str] = []
    stop = at + 1
    while stop < len(lines) and not _is_head(lines[stop]):
        line = lines[stop]
        if not line.startswith("+") and line.strip():
            raise ToolFailed(f"Each line of an added file must begin with +, but found: {line[:200]}")
        if line.startswith("+"):
            content.append(line[1:] + "\n")
        stop += 1
    return FilePatch("add", _path(lines[at], _ADD), content="".join(content)), stop


def _updated(lines: list[str], at: int) -> tuple[FilePatch, int]:
    patch = FilePatch("update", _path(lines[at], _UPDATE), pieces=[])
    at += 1
    if at < len(lines) and lines[at].startswith(_MOVE):
        patch.move_to = _path(lines[at], _MOVE)
        at += 1
    while at < len(lines) and not _is_head(lines[at]):
        if not lines[at].strip() and (at + 1 == len(lines) or _is_head(lines[at + 1])):
            at += 1  # a blank line before the next file
            continue
        piece, at = _piece(lines, at)
        patch.pieces.append(piece)
    if not patch.pieces and patch.move_to is None:
        raise ToolFailed(f"The patch says nothing to change in {patch.path}.")
    return patch, at


def _piece(lines: list[str], at: int) -> tuple[Piece, int]:
    piece = Piece([], [], [])
    while at < len(lines) and lines[at].startswith("@@"):
        head = lines[at][2:].removeprefix(" ").removesuffix("@@").rstrip()
        piece.heads += [head] if head and not _is_range(head) else []
        at += 1
    while at < len(lines) and not _is_head(lines[at]) and not lines[at].startswith("@@"):
        line = lines[at]
        at += 1
        if line.strip() == _END_OF_FILE:
            piece.at_end = True
            break
        _take(piece, line)
    return piece, at


def _take(piece: Piece, line: str) -> None:
    mark, rest = line[:1], line[1:]
    if mark not in {"", " ", "+", "-"}:
        raise ToolFailed(f"Each line of a change must begin with a blank, + or -, but found: {line[:200]}")
    if mark != "+":
        piece.old.append(rest)
    if mark != "-":
        piece.new.append(rest)


def _is_head(line: str) -> bool:
    return line.startswith((_ADD, _DELETE, _UPDATE))


def _is_range(head: str) -> bool:
    """The line numbers of a unified diff, which say nothing here: "-1,3 +1,4"."""
    return head.startswith("-") and " +" in head and not head.strip("-+,0123456789 @")
