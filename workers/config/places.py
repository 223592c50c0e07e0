"""Where configuration lives on this machine, and on the way from a directory up to the top of its repository."""

from pathlib import Path
from typing import Final

import msgspec

from .watch import Watch

MANAGED: Final = Path("/etc/opencode")


TOP: Final = Path("/")  # the worktree of directories that are in no repository


class Places(msgspec.Struct, frozen=True):
    """The user's directories; ``config`` and ``state`` are those of the reference, which clients share."""

    home: Path
    config: Path
    state: Path
    managed: Path = MANAGED


def find_places(watch: Watch) -> Places:
    home = Path(watch.variable("HOME") or Path.home())
    return Places(
        home=home,
        config=Path(watch.variable("XDG_CONFIG_HOME") or home / ".config") / "opencode",
        state=Path(watch.variable("XDG_STATE_HOME") or home / ".local" / "state") / "opencode",
    )


def expand_home(path: str, home: str | Path) -> str:
    """``~``, ``~/x``, ``$HOME`` and ``$HOME/x`` with the home directory put in; anything else as it is."""
    for prefix in ("~", "$HOME"):
        if path == prefix or path.startswith(prefix + "/"):
            return str(home) + path[len(prefix) :]
    return path


def find_worktree(watch: Watch, directory: Path) -> Path:
    """The nearest directory upwards that holds ``.git`` (a directory, or a file in a linked worktree), else "/"."""
    for level in (directory, *directory.parents):
        if watch.exists(level / ".git"):
            return level
    return TOP


def levels(directory: Path, worktree: Path) -> list[Path]:
    """The directories whose files speak for ``directory``, the nearest first.

    Without a repository the way up ends below the first directory that anyone may write to: what strangers leave in
    /tmp is nobody's configuration."""
    found: list[Path] = []
    for level in (directory, *directory.parents):
        if found and worktree == TOP and _world_writable(level):
            break
        found.append(level)
        if level == worktree:
            break
    return found


def _world_writable(directory: Path) -> bool:
    try:
        return bool(directory.stat().st_mode & 0o002)
    except OSError:
        return True
