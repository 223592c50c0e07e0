"""Finding the text that an edit means, though the model may have got its whitespace slightly wrong.

Rules from strict to tolerant; the first that finds anything decides, and what it finds must be one place only.
"""

import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

from .tool import ToolFailed

Span = tuple[int, int]
Finder = Callable[[str, str], Iterator[Span]]

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "`": "`", "\\": "\\", "$": "$", "\n": "\n"}
_SIMILAR = 0.8  # of the lines between two anchors


def replace(text: str, old: str, new: str, *, every: bool) -> str:
    """``text`` with ``old`` replaced: the only place, or each if ``every``. Raises ToolFailed for none or several."""
    spans = find(text, old)
    if not spans:
        raise ToolFailed("oldString was not found in the file. Read the file again and copy the text exactly.")
    if len(spans) > 1 and not every:
        raise ToolFailed(
            f"oldString was found in {len(spans)} places. Add surrounding lines until it is unique, or set replaceAll."
        )
    out: list[str] = []
    at = 0
    for start, end in spans:
        out += [text[at:start], new]
        at = end
    return "".join(out) + text[at:]


def find(text: str, old: str) -> list[Span]:
    """The places, in order and without overlap, found by the strictest rule that finds any."""
    for finder in _FINDERS:
        spans = list(_apart(finder(text, old)))
        if spans:
            return spans
    return []


def _apart(spans: Iterator[Span]) -> Iterator[Span]:
    end = -1
    for span in spans:
        if span[0] >= end and span[1] > span[0]:
            yield span
            end = span[1]


def _exact(text: str, old: str) -> Iterator[Span]:
    at = text.find(old)
    while at >= 0:
        yield at, at + len(old)
        at = text.find(old, at + len(old))


def _unescaped(text: str, old: str) -> Iterator[Span]:
    plain = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), old, flags=re.DOTALL)
    return _exact(text, plain) if plain != old else iter(())


def _by_line(key: Callable[[str], str]) -> Finder:
    """Matches runs of whole lines that are equal under ``key``."""

    def finder(text: str, old: str) -> Iterator[Span]:
        lines, starts = _lines(text)
        wanted = [key(line) for line in _wanted_lines(old)]
        if not any(wanted):
            return
        keys = [key(line) for line in lines]
        for n in range(len(keys) - len(wanted) + 1):
            if keys[n] == wanted[0] and keys[n : n + len(wanted)] == wanted:
                yield _span(lines, starts, n, n + len(wanted), old)

    return finder


def _anchored(text: str, old: str) -> Iterator[Span]:
    """First and last line equal but for whitespace around them, as many lines between, and those mostly alike."""
    lines, starts = _lines(text)
    wanted = [line.strip() for line in _wanted_lines(old)]
    if len(wanted) < 3 or not wanted[0] or not wanted[-1]:
        return
    stripped = [line.strip() for line in lines]
    last = len(wanted) - 1
    for n in range(len(lines) - last):
        if stripped[n] == wanted[0] and stripped[n + last] == wanted[-1]:
            between, expected = "\n".join(stripped[n + 1 : n + last]), "\n".join(wanted[1:-1])
            if SequenceMatcher(None, between, expected, autojunk=False).ratio() >= _SIMILAR:
                yield _span(lines, starts, n, n + len(wanted), old)


def _wanted_lines(old: str) -> list[str]:
    lines = old.split("\n")
    return lines[:-1] if lines[-1] == "" and len(lines) > 1 else lines


def _lines(text: str) -> tuple[list[str], list[int]]:
    lines = text.split("\n")
    starts: list[int] = []
    at = 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return lines, starts


def _span(lines: list[str], starts: list[int], first: int, stop: int, old: str) -> Span:
    """From the first line to the end of the last; with its newline only if the wanted text ends in one."""
    last = stop - 1
    end = starts[last] + len(lines[last])
    if old.endswith("\n"):
        return starts[first], min(end + 1, starts[-1] + len(lines[-1]))
    return starts[first], end - 1 if lines[last].endswith("\r") else end


def _collapsed(line: str) -> str:
    return " ".join(line.split())


_FINDERS: tuple[Finder, ...] = (
    _exact,
    _by_line(str.rstrip),
    _by_line(str.strip),
    _by_line(_collapsed),
    _unescaped,
    _anchored,
)
