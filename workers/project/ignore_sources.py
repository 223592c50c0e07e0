"""Everything that decides which names of one directory git ignores, so that one sees when an answer has become old."""

import os
import re
from pathlib import Path
from typing import Final, Self

from .tree_stamps import Stamp, settled, stamp_of

_MAX_CONFIG: Final = 1 << 20  # bytes of a git configuration that is looked through
_INCLUDES: Final = re.compile(rb"^\s*\[\s*include", re.IGNORECASE | re.MULTILINE)
_EXCLUDES: Final = re.compile(rb"excludesfile", re.IGNORECASE)
_SYSTEM: Final = "/etc/gitconfig"


class IgnoreSources:
    """``names_others``: the configuration names a file of rules of its own; what that is only git can say."""

    def __init__(self, stamps: dict[str, Stamp | None], *, names_others: bool) -> None:
        self.names_others = names_others
        self._stamps = stamps

    @classmethod
    def find(cls, directory: str) -> Self | None:
        """Of a real path. None outside of repositories, and where configuration includes other files. Blocks."""
        levels = [Path(directory), *Path(directory).parents]
        top = next((at for at, level in enumerate(levels) if (level / ".git").exists()), None)
        if top is None:
            return None
        try:
            git, common = _git_directories(levels[top] / ".git")
            configurations = [str(common / "config"), str(git / "config.worktree"), *_of_user("config"), _SYSTEM]
            texts = [_read(path) for path in configurations]
        except (OSError, ValueError):
            return None
        if any(_INCLUDES.search(text) for text in texts):
            return None
        rules = [str(level / ".gitignore") for level in levels[: top + 1]]
        own = [str(level / ".git") for level in levels[: top + 1]]
        files = [
            *own,
            *rules,
            str(git / "index"),
            str(common / "info" / "exclude"),
            *configurations,
            *_of_user("ignore"),
        ]
        others = any(_EXCLUDES.search(text) for text in texts)
        return cls({path: stamp_of(path) for path in files}, names_others=others)

    def add(self, paths: list[str]) -> None:
        """What the configuration names. Blocks."""
        self._stamps |= {path: stamp_of(path) for path in paths}

    def settled(self, began_ns: int) -> bool:
        """Whether a change that comes after that time would be seen."""
        return settled(self._stamps.values(), began_ns)

    def hold(self) -> bool:
        """Whether all is as it was. Blocks."""
        return all(stamp_of(path) == stamp for path, stamp in self._stamps.items())


def _git_directories(entry: Path) -> tuple[Path, Path]:
    """The worktree's own and the one that it shares with others. Raises OSError and ValueError."""
    if entry.is_dir():
        return entry, entry
    named = _read(str(entry)).decode(errors="surrogateescape")
    if not named.startswith("gitdir:"):
        raise ValueError(named)
    git = entry.parent / named.removeprefix("gitdir:").strip()
    shared = git / "commondir"
    return git, git / shared.read_text().strip() if shared.exists() else git


def _of_user(name: str) -> list[str]:
    home = os.environ.get("HOME", "")
    configured = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [f"{configured}/git/{name}", *([f"{home}/.gitconfig"] if name == "config" else [])]


def _read(path: str) -> bytes:
    """Empty where there is none. Raises OSError, and ValueError for what is no file of a usual size."""
    file = Path(path)
    if not file.exists():
        return b""
    if not file.is_file() or file.stat().st_size > _MAX_CONFIG:
        raise ValueError(path)
    return file.read_bytes()
