"""Reading what git prints about changes."""

import re
from typing import Final

import msgspec

from oad.contract.files import Change, FilePatch, PatchHunk

_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_UNMERGED: Final = re.compile(rb"^\* Unmerged path .*\n", re.MULTILINE)
_NEXT_FILE: Final = re.compile(rb"^(?=diff --git )", re.MULTILINE)
_CHANGES: Final[dict[str, Change]] = {"A": "added", "D": "deleted"}


class FileChange(msgspec.Struct, frozen=True):
    """``path`` is relative to the top of the worktree. ``patch`` is None where the output was cut off before it."""

    path: bytes
    change: Change
    additions: int
    deletions: int
    patch: bytes | None


def read_changes(output: bytes, *, whole: bool = True) -> list[FileChange]:
    """Of ``git diff --raw --numstat --patch -z --no-renames``. With ``whole`` False the last patch is incomplete."""
    head, _, text = output.partition(b"\0\0")
    records = head.split(b"\0")
    states: dict[bytes, str] = {}
    counts: dict[bytes, tuple[int, int]] = {}
    while records:
        record = records.pop(0)
        if record.startswith(b":") and records:
            path, state = records.pop(0), record[-1:].decode()
            # A path in conflict comes twice: as such, and as what lies in the worktree.
            states[path] = state if states.get(path, "U") == "U" else states[path]
        elif record.count(b"\t") >= 2:
            added, deleted, path = record.split(b"\t", 2)
            counts[path] = _number(added), _number(deleted)
    patches = _Patches(text, whole=whole)
    return [
        FileChange(path, _CHANGES.get(state, "modified"), *counts.get(path, (0, 0)), patches.take(state))
        for path, state in states.items()
    ]


class _Patches:
    """Git prints them in the order in which it has listed the files."""

    def __init__(self, text: bytes, *, whole: bool) -> None:
        self._each = [each for each in _NEXT_FILE.split(_UNMERGED.sub(b"", text)) if each.startswith(b"diff ")]
        if not whole:
            self._each = self._each[:-1]

    def take(self, state: str) -> bytes | None:
        # What was a file and is a symbolic link, say, is deleted first and then added: two patches.
        count = {"T": 2, "U": 0}.get(state, 1)
        taken, self._each = self._each[:count], self._each[count:]
        return b"".join(taken) if len(taken) == count else None


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0  # "-" for binary files


def read_patch(text: str, path: str) -> FilePatch:
    """The hunks of one file's patch, its lines without their ends."""
    hunks: list[PatchHunk] = []
    index = None
    for line in text.split("\n")[:-1]:
        if found := _HUNK.match(line):
            start, count, new_start, new_count = (int(each or 1) for each in found.groups())
            hunks.append(
                PatchHunk(old_start=start, old_lines=count, new_start=new_start, new_lines=new_count, lines=[])
            )
        elif hunks:
            hunks[-1].lines.append(line)
        elif line.startswith("index "):
            index = line.removeprefix("index ")
    return FilePatch(old_file_name=path, new_file_name=path, hunks=hunks, index=index)
