"""How one sees, without walking a tree, that no file has come or gone in it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from ..watching.ignored import Ignored

_RECENT_NS: Final = 2_000_000_000  # of a change that is younger, a second one may leave the same stamp
_MAX_DIRECTORIES: Final = 20_000
_MAX_UNLISTED: Final = 64  # directories in a part of the tree of which no file is listed
_RULES: Final = (".gitignore", ".ignore", ".rgignore")
_OF_USER: Final = (".gitconfig", ".config/git/config", ".config/git/ignore")
_EXCLUDED: Final = ".git/info/exclude"


class Stamp(NamedTuple):
    """``changed`` is when the kernel saw the last change, in ns, which no program can set back."""

    inode: int
    size: int
    changed: int


class TreeStamps:
    """Of every directory in which a new file might be listed, and of everything that says what is not listed."""

    def __init__(self, stamps: dict[str, Stamp | None]) -> None:
        self._stamps = stamps

    @classmethod
    def read(cls, root: str, listed: Sequence[bytes], began_ns: int) -> Self | None:
        """``listed``: the files, relative to the root, as a walk found them that began then. None when something has
        changed since, or shortly before, or when there is too much to look at. Blocks."""
        places = _Places(root, listed)
        try:
            places.find()
        except (OSError, _TooMuch):
            return None
        stamps = {path: stamp_of(path) for path in (*places.directories, *places.rules, *_around(root))}
        return cls(stamps) if settled(stamps.values(), began_ns) else None

    def hold(self) -> bool:
        """Whether all is as it was. Blocks."""
        return all(stamp_of(path) == stamp for path, stamp in self._stamps.items())


def settled(stamps: Iterable[Stamp | None], began_ns: int) -> bool:
    """Whether the last change was long enough before that time, for a second one to leave another stamp."""
    newest = max((stamp.changed for stamp in stamps if stamp is not None), default=0)
    return newest < began_ns - _RECENT_NS


class _TooMuch(Exception):
    pass


class _Places:
    """What decides on the list: ``directories``, and the files of ``rules``, there or not."""

    def __init__(self, root: str, listed: Sequence[bytes]) -> None:
        self.directories: list[str] = []
        self.rules: list[str] = []
        self._root = root
        self._ignored = Ignored(Path(root), _top(root))
        self._listed = _directories_of(root, listed)

    def find(self) -> None:
        """Raises OSError and _TooMuch."""
        left = [self._root]
        while left:
            for path in self._enter(left.pop()):
                if path in self._listed:
                    left.append(path)
                else:
                    self._find_unlisted(path)

    def _find_unlisted(self, top: str) -> None:
        """It is ignored, or holds no file as yet: then one may come to be listed in it."""
        left, before = [top], len(self.directories)
        while left:
            left.extend(self._enter(left.pop()))
            if len(self.directories) - before > _MAX_UNLISTED:
                if not self._ignored(Path(top), is_directory=True):
                    raise _TooMuch
                return

    def _enter(self, path: str) -> list[str]:
        if len(self.directories) >= _MAX_DIRECTORIES:
            raise _TooMuch
        self.directories.append(path)
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if self._is_below(entry)]

    def _is_below(self, entry: "os.DirEntry[str]") -> bool:
        if entry.name == ".git":
            self.rules.append(f"{entry.path.removesuffix('.git')}{_EXCLUDED}")
            return False
        if entry.name in _RULES:
            self.rules.append(entry.path)
        return entry.is_dir(follow_symlinks=False)


def _directories_of(root: str, files: Sequence[bytes]) -> set[str]:
    """Full paths of all directories below the root that lie above the files."""
    found: set[bytes] = set()
    for path in files:
        above = path.rpartition(b"/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition(b"/")[0]
    return {os.path.join(root, os.fsdecode(path)) for path in found}  # noqa: PTH118  as scandir puts them together


def _around(root: str) -> Iterator[str]:
    """The rules of what lies above the root, and those of the user."""
    for level in Path(root).parents:
        yield from (str(level / name) for name in (*_RULES, _EXCLUDED, ".git"))
    yield from (str(Path.home() / name) for name in _OF_USER)


def _top(root: str) -> Path:
    here = Path(root)
    return next((level for level in (here, *here.parents) if (level / ".git").exists()), here)


def stamp_of(path: str) -> Stamp | None:
    """None when it is not there. Blocks."""
    try:
        status = os.stat(path)  # noqa: PTH116  thousands of them
    except OSError:
        return None
    if path.endswith("/.git"):  # it is there: what happens in it is of no interest
        return Stamp(status.st_ino, 0, 0)
    return Stamp(status.st_ino, status.st_size, status.st_ctime_ns)
