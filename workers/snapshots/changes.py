"""What git says of the difference of two trees, and what several of them make together. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

ABSENT_MODE: Final = "000000"
LINK_MODE: Final = "120000"
EXECUTABLE_MODE: Final = "100755"
_MOST_BYTES: Final = 500_000  # of the paths in one command line
_REPOSITORY_MODE: Final = "160000"  # a repository within the repository: its files are not ours


class Entry(msgspec.Struct, frozen=True):
    """A file in a tree: git's mode and the name of its content."""

    mode: str
    blob: str

    @property
    def exists(self) -> bool:
        return self.mode != ABSENT_MODE


ABSENT: Final = Entry(ABSENT_MODE, "0" * 40)


class Change(msgspec.Struct, frozen=True):
    """``path`` is relative to the worktree; what is not UTF-8 in it is escaped as ``os.fsdecode`` does."""

    path: str
    before: Entry
    after: Entry


def read_changes(raw: bytes) -> list[Change]:
    """From ``git diff-tree -r -z --raw --no-abbrev --no-renames``."""
    fields = iter(raw.split(b"\0"))
    return [change for head in fields if head.startswith(b":") for change in _read(head, next(fields))]


def _read(head: bytes, path: bytes) -> Iterator[Change]:
    before_mode, after_mode, before, after = head[1:].decode().split()[:4]
    if _REPOSITORY_MODE not in (before_mode, after_mode):
        name = path.decode("utf-8", "surrogateescape")
        yield Change(name, _entry(before_mode, before), _entry(after_mode, after))


def _entry(mode: str, blob: str) -> Entry:
    return ABSENT if mode == ABSENT_MODE else Entry(mode, blob)


def read_pairs(raw: bytes) -> dict[tuple[str, str], list[Change]]:
    """From ``git diff-tree --stdin -z``, which names each pair of trees in a line of its own before their changes, and
    says nothing of a pair that it can't read."""
    pairs: dict[tuple[str, str], list[Change]] = {}
    found: list[Change] = []
    fields = iter(raw.split(b"\0"))
    for field in fields:
        *names, head = field.split(b"\n")
        for name in names:
            before, _, after = name.decode().partition(" ")
            found = pairs[before, after] = []
        if head.startswith(b":"):
            found += _read(head, next(fields))
    return pairs


def read_entries(raw: bytes) -> dict[str, Entry]:
    """From ``git ls-tree -r -z``, by path."""
    found: dict[str, Entry] = {}
    for line in filter(None, raw.split(b"\0")):
        head, _, path = line.partition(b"\t")
        mode, _, blob = head.decode().split()
        found[path.decode("utf-8", "surrogateescape")] = Entry(mode, blob)
    return found


def batched(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at once as certainly fit into a command line."""
    start, size = 0, 0
    for end, path in enumerate(paths):
        size += len(path) * 4 + 8
        if size > _MOST_BYTES:
            yield paths[start:end]
            start, size = end, len(path) * 4 + 8
    if start < len(paths):
        yield paths[start:]


def join_changes(groups: Iterable[Iterable[Change]]) -> list[Change]:
    """All together: each file as it was before the first and after the last of them; by path."""
    joined: dict[str, Change] = {}
    for change in (each for group in groups for each in group):
        first = joined.get(change.path)
        joined[change.path] = Change(change.path, first.before if first else change.before, change.after)
    return sorted((each for each in joined.values() if each.before != each.after), key=lambda each: each.path)
