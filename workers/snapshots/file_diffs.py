"""Changes of files as clients are told of them: numbers, and the text as far as it is not too long. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from oad.contract.session import FileDiff, SessionSummary

from ..project.enclosure import shown
from ..tools.diff import Diff, unified
from .changes import Change

MAX_FILES: Final = 500  # that are told
MAX_COMPARED: Final = 1 << 20  # bytes of a file; larger ones are told without numbers
_MAX_TEXT: Final = 200_000  # characters of all patches together
_BINARY: Final = b"\0"


def describe(changes: Sequence[Change], contents: Mapping[str, bytes]) -> list[FileDiff]:
    """``contents`` by blob; what is missing in it was too large to be compared."""
    room, told = _MAX_TEXT, list[FileDiff]()
    for change in changes[:MAX_FILES]:
        diff = _compare(change, contents)
        fits = diff is not None and len(diff.patch) <= room
        room -= len(diff.patch) if diff is not None and fits else 0
        told.append(
            FileDiff(
                additions=diff.additions if diff else 0,
                deletions=diff.deletions if diff else 0,
                file=shown(change.path),
                patch=diff.patch if diff is not None and fits else None,
                status=_status(change),
            )
        )
    return told


def _status(change: Change) -> str:
    if not change.before.exists:
        return "added"
    return "modified" if change.after.exists else "deleted"


def _compare(change: Change, contents: Mapping[str, bytes]) -> Diff | None:
    sides = [contents.get(entry.blob) if entry.exists else b"" for entry in (change.before, change.after)]
    before, after = sides
    if before is None or after is None or _BINARY in before or _BINARY in after:
        return None
    name = shown(change.path)
    return unified(name, before.decode("utf-8", "replace"), after.decode("utf-8", "replace"), mark="\t")


def summarize(diffs: Sequence[FileDiff]) -> SessionSummary:
    return SessionSummary(
        additions=sum(each.additions for each in diffs),
        deletions=sum(each.deletions for each in diffs),
        files=len(diffs),
    )
