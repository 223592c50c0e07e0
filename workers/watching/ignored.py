"""What below a directory nobody wants to hear of."""

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

# Written by programs for themselves, and large. A project that has more of these names them in .gitignore.
_USUAL: Final = (
    *(".git/", ".hg/", ".svn/", ".jj/", "node_modules/", "bower_components/", ".pnpm-store/", ".yarn/cache/"),
    *("__pycache__/", ".venv/", ".tox/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".cache/", ".gradle/"),
    *(".next/", ".turbo/", ".direnv/", "*.swp", "*.swo", "*.pyc", "*~", ".DS_Store"),
)
_MAX_BYTES: Final = 1 << 20


class Ignored:
    """By the ``.gitignore`` files from the worktree's top down to each path, the repository's ``info/exclude``, what is
    usual, and ``more`` patterns. What it has read is not read again: make a new one after a change. Blocks."""

    def __init__(self, root: Path, worktree: Path, more: Iterable[str] = ()) -> None:
        self._root = root
        self._always = GitIgnoreSpec.from_lines([*_USUAL, *more])
        self._top = worktree if root.is_relative_to(worktree) and worktree != Path("/") else root
        self._spec = lru_cache(maxsize=4096)(_read)
        self._excluded = _read(self._top / ".git" / "info" / "exclude")

    def __call__(self, path: Path, *, is_directory: bool) -> bool:
        """``path`` is below ``root``, and no directory between them is ignored."""
        if self._always.match_file(_name(path, self._root, is_directory)):
            return True
        level = path.parent
        while True:
            verdict = _verdict(self._spec(level / ".gitignore"), path, level, is_directory)
            if verdict is not None:
                return verdict
            if level in (self._top, level.parent):
                return bool(_verdict(self._excluded, path, self._top, is_directory))
            level = level.parent


def _verdict(spec: GitIgnoreSpec | None, path: Path, base: Path, is_directory: bool) -> bool | None:
    return None if spec is None else spec.check_file(_name(path, base, is_directory)).include


def _name(path: Path, base: Path, is_directory: bool) -> str:
    return os.path.relpath(path, base) + ("/" if is_directory else "")


def _read(file: Path) -> GitIgnoreSpec | None:
    try:
        # A FIFO of that name must not stop us.
        if not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return None
        return GitIgnoreSpec.from_lines(file.read_text(errors="replace").splitlines())
    except (OSError, ValueError):
        return None
