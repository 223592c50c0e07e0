"""Unified diffs in the form that clients draw (that of the JavaScript package ``diff``)."""

from collections.abc import Iterator
from difflib import SequenceMatcher

import msgspec

_CONTEXT = 4
_MAX_COMPARED = 5000  # lines on either side; a larger changed region is shown as replaced altogether

Opcode = tuple[str, int, int, int, int]


class Diff(msgspec.Struct, frozen=True):
    patch: str
    additions: int
    deletions: int


def unified(path: str, before: str, after: str, *, new_path: str | None = None, mark: str = "") -> Diff:
    """The difference; line ends of CRLF and LF count as equal. ``mark`` follows the names of the files."""
    a, b = _lines(before), _lines(after)
    opcodes = list(_opcodes(a, b))
    head = f"Index: {path}\n{'=' * 67}\n--- {path}{mark}\n+++ {new_path or path}{mark}\n"
    body = "".join(_hunk(a, b, group) for group in _groups(opcodes))
    changed = [each for each in opcodes if each[0] != "equal"]
    additions = sum(j2 - j1 for _, _, _, j1, j2 in changed)
    deletions = sum(i2 - i1 for _, i1, i2, _, _ in changed)
    return Diff(head + body, additions, deletions)


def _lines(text: str) -> list[str]:
    """Lines with a final newline each, the last without if the text has none."""
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _opcodes(a: list[str], b: list[str]) -> Iterator[Opcode]:
    # Equal ends are cut off first: comparing is quadratic, and edits of large files are mostly small.
    shorter = min(len(a), len(b))
    head = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    tail = next((i for i in range(shorter - head) if a[-1 - i] != b[-1 - i]), shorter - head)
    end_a, end_b = len(a) - tail, len(b) - tail
    if head:
        yield "equal", 0, head, 0, head
    if max(end_a, end_b) - head > _MAX_COMPARED:
        yield "replace", head, end_a, head, end_b
    else:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, a[head:end_a], b[head:end_b]).get_opcodes():
            yield tag, i1 + head, i2 + head, j1 + head, j2 + head
    if tail:
        yield "equal", end_a, len(a), end_b, len(b)


def _groups(opcodes: list[Opcode]) -> Iterator[list[Opcode]]:
    """Opcodes by hunk: changes that lie close together share one, and each has context around it."""
    group: list[Opcode] = []
    for n, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        is_last = n == len(opcodes) - 1
        if group and (is_last or i2 - i1 > 2 * _CONTEXT):
            group.append((tag, i1, min(i2, i1 + _CONTEXT), j1, min(j2, j1 + _CONTEXT)))
            yield group
            group = []
        if not is_last:
            keep = i2 - i1 if group else min(i2 - i1, _CONTEXT)
            group.append((tag, i2 - keep, i2, j2 - keep, j2))
    if any(tag != "equal" for tag, *_ in group):
        yield group


def _hunk(a: list[str], b: list[str], group: list[Opcode]) -> str:
    i1, i2, j1, j2 = group[0][1], group[-1][2], group[0][3], group[-1][4]
    out = [f"@@ -{_range(i1, i2)} +{_range(j1, j2)} @@\n"]
    for tag, a1, a2, b1, b2 in group:
        if tag == "equal":
            out += [_line(" ", line) for line in a[a1:a2]]
        else:
            out += [_line("-", line) for line in a[a1:a2]]
            out += [_line("+", line) for line in b[b1:b2]]
    return "".join(out)


def _range(start: int, stop: int) -> str:
    return f"{start + 1 if stop > start else start},{stop - start}"


def _line(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"
