"""What of a workspace stays read-only for its commands: hooks and settings which would be carried out outside.

Git runs hooks, and programs named in its configuration, as whoever works there next; oad and opencode take agents,
commands and permissions from files of the project. Only what exists is protected: to forbid the creation of a file,
something would have to be put in its place.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_OF_GIT: Final = ("hooks", "config", "config.worktree")
_SETTINGS: Final = ("opencode.json", "opencode.jsonc", "oad.toml", ".mcp.json")
_OF_OPENCODE: Final = (
    "opencode.json",
    "opencode.jsonc",
    "agent",
    "agents",
    "command",
    "commands",
    "mode",
    "modes",
    "plugin",
    "plugins",
    "skill",
    "skills",
    "tool",
    "tools",
    "package.json",
    "node_modules",
)  # fmt: skip  its plans are written by sessions
_OF_HOME: Final = (
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin",
    ".gitconfig", ".config/git", ".config/opencode", ".config/oad", ".config/systemd", ".config/autostart",
    ".local/bin", ".local/share/oad", "bin",
)  # fmt: skip
_DEPTH: Final = 3
_MOST_DIRECTORIES: Final = 400
_PASSED_OVER: Final = {"node_modules", ".venv", "venv", "target", "dist", "build", "__pycache__", ".cache", ".git"}


# What git writes to for a linked worktree, besides the directory of the worktree itself: never its hooks and settings,
# and neither the index nor the HEAD of others. Not all of them exist everywhere.
_SHARED: Final = ("objects", "refs", "logs", "reftable")


class GitDirectory(NamedTuple):
    """``common`` is where everything lies that the worktrees of a repository share, ``writable`` what of it one needs
    to write to."""

    common: Path
    writable: tuple[Path, ...]


class Repository(NamedTuple):
    """``top`` is the main worktree; without one, where the repository was found."""

    git: Path
    top: Path


def find_repository(directory: str) -> Repository | None:
    """The one that holds a directory, seen without git. None also for what only claims to belong to one."""
    here = Path(os.path.realpath(directory))
    for level in (here, *here.parents):
        pointer = level / ".git"
        if pointer.is_dir():
            return Repository(pointer, level) if _is_git(pointer) else None
        if pointer.is_file():
            found = _git_directory_of(level)
            if found is None:
                return None
            return Repository(found.common, found.common.parent if found.common.name == ".git" else level)
    return None


def find_protected(roots: Iterable[str], home: str) -> list[str]:
    """Below the writable ``roots``; looks at a few hundred directories at most."""
    found: list[str] = []
    for root in roots:
        for directory, names in _directories(root):
            found += _of_directory(directory, names)
        found += [str(Path(home, name)) for name in _OF_HOME if Path(home, name).exists() and _lies_in(home, root)]
    return sorted(set(found))


def find_git_directories(roots: Iterable[str]) -> list[GitDirectory]:
    """Where git keeps what belongs to a linked worktree or a submodule whose ``.git`` is a file: outside of the
    workspace. Not believed unless what lies there names the workspace in turn, because a command could write into
    ``.git`` what it likes."""
    found = (_git_directory_of(Path(root)) for root in roots)
    return [each for each in found if each is not None]


def _git_directory_of(root: Path) -> GitDirectory | None:
    pointer = root / ".git"
    target = _pointed_at(pointer) if pointer.is_file() else None
    if target is None:
        return None
    common = target.parent.parent
    if target.parent.name == "worktrees" and _is_git(common) and _names_worktree(target, pointer):
        shared = (common / name for name in _SHARED)
        return GitDirectory(common, (*(place for place in shared if place.is_dir()), target))
    if "modules" in target.parts and _names_submodule(target, root):
        return GitDirectory(target, (target,))
    return None


def _of_directory(directory: Path, names: set[str]) -> Iterator[str]:
    git = directory / ".git"
    if ".git" in names and git.is_dir():
        yield from of_git_directory(git)
    elif ".git" in names:
        yield str(git)
    elif {"HEAD", "objects"} <= names:
        yield from of_git_directory(directory)
    yield from (str(directory / name) for name in _SETTINGS if name in names)
    if ".opencode" in names:
        own = directory / ".opencode"
        yield from (str(own / name) for name in _OF_OPENCODE if (own / name).exists())


def of_git_directory(git: Path) -> Iterator[str]:
    """Of a repository and of its submodules and worktrees."""
    nested = [*_children(git / "modules"), *_children(git / "worktrees")]
    for place in (git, *nested):
        yield from (str(place / name) for name in _OF_GIT if (place / name).exists())
    for place in _children(git / "worktrees"):
        yield from (str(place / name) for name in ("gitdir", "commondir") if (place / name).exists())


def _children(directory: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _directories(root: str) -> Iterator[tuple[Path, set[str]]]:
    """With the names in each. Breadth first, so that what is near is found however large the workspace is."""
    level, seen = [root], 0
    for _ in range(_DEPTH):
        below: list[str] = []
        for directory in level[: _MOST_DIRECTORIES - seen]:
            seen += 1
            names, inner = _list(directory)
            yield Path(directory), names
            below += inner
        level = sorted(below)


def _list(directory: str) -> tuple[set[str], list[str]]:
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return set(), []
    inner = [e.path for e in entries if e.is_dir(follow_symlinks=False) and e.name not in _PASSED_OVER]
    return {entry.name for entry in entries}, inner


def _is_git(directory: Path) -> bool:
    return (directory / "HEAD").is_file() and (directory / "objects").is_dir()


def _lies_in(path: str, root: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _pointed_at(pointer: Path) -> Path | None:
    try:
        text = pointer.read_text()[:4096]
    except (OSError, UnicodeDecodeError):
        return None
    if not text.startswith("gitdir:"):
        return None
    target = Path(os.path.realpath(pointer.parent / text.removeprefix("gitdir:").strip()))
    return target if target.is_dir() else None


def _names_worktree(target: Path, pointer: Path) -> bool:
    """``<repository>/.git/worktrees/<name>/gitdir`` holds the path of the worktree's ``.git``."""
    try:
        named = (target / "gitdir").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return False
    return os.path.realpath(target / named) == os.path.realpath(pointer)


def _names_submodule(target: Path, root: Path) -> bool:
    """``<repository>/.git/modules/<name>/config`` has ``worktree = <path>``."""
    try:
        lines = (target / "config").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    named = next((line.partition("=")[2].strip() for line in lines if line.strip().startswith("worktree")), None)
    return named is not None and os.path.realpath(target / named) == os.path.realpath(root)
