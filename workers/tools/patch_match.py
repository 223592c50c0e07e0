"""Finding where the pieces of a patch belong in a file, and making the new text."""

from collections.abc import Callable

from .patch_text import Piece
from .tool import ToolFailed

_ALIKE: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip, lambda line: _plain(line.strip()))
_TYPOGRAPHY = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})


def apply_pieces(path: str, text: str, pieces: list[Piece]) -> str:
    """The text with every piece applied, in order and without overlap. Line ends of the file are kept.

    Raises ToolFailed when a piece is not found."""
    crlf = text.count("\r\n") * 2 > text.count("\n")
    lines = (text.replace("\r\n", "\n") if crlf else text).split("\n")
    ended = lines[-1] == ""
    if ended:
        lines.pop()
    out: list[str] = []
    at = 0
    for piece in pieces:
        start = _place(path, lines, at, piece)
        out += [*lines[at:start], *_result(lines[start : start + len(piece.old)], piece)]
        at = start + len(piece.old)
    out += lines[at:]
    changed = "\n".join(out) + ("\n" if out and (ended or not text) else "")
    return changed.replace("\n", "\r\n") if crlf else changed


def _place(path: str, lines: list[str], at: int, piece: Piece) -> int:
    for head in piece.heads:
        found = _find(lines, [head], at)
        if found is None:
            raise ToolFailed(f"{path}: the line after @@ was not found: {head[:200]}")
        at = found + 1
    if not piece.old:  # only new lines: below the head, or at the end
        return at if piece.heads and not piece.at_end else len(lines)
    if piece.at_end:
        end = len(lines) - len(piece.old)
        if end >= at and _find(lines, piece.old, end) == end:
            return end
    # The head itself may be the first line of the piece.
    found = _find(lines, piece.old, at - 1 if piece.heads else at)
    if found is None:
        expected = "\n".join(piece.old)
        raise ToolFailed(f"{path}: these lines were not found, read the file again:\n{expected[:2000]}")
    return found


def _find(lines: list[str], wanted: list[str], at: int) -> int | None:
    """The first place from ``at`` on where the lines are the same, or else the same but for blanks around them."""
    for alike in _ALIKE:
        keys, looked_for = [alike(line) for line in lines], [alike(line) for line in wanted]
        for n in range(at, len(lines) - len(wanted) + 1):
            if keys[n : n + len(wanted)] == looked_for:
                return n
    return None


def _result(found: list[str], piece: Piece) -> list[str]:
    """The new lines; those which stay are taken from the file, where the patch had them slightly different."""
    kept: dict[str, list[str]] = {}
    for wanted, real in zip(piece.old, found, strict=True):
        kept.setdefault(wanted, []).append(real)
    return [kept[line].pop(0) if kept.get(line) else line for line in piece.new]


def _plain(line: str) -> str:
    return line.translate(_TYPOGRAPHY)
