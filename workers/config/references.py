"""Directories outside of a project that its configuration points to: readable, and told to the model."""

import os.path
from pathlib import Path
from typing import Any, cast

import msgspec

from .places import Places, expand_home
from .settings import Config


class Reference(msgspec.Struct, frozen=True):
    name: str
    path: str  # absolute
    description: str | None = None
    hidden: bool = False


def find_references(
    config: Config, places: Places, directory: Path, worktree: Path, problems: list[str]
) -> list[Reference]:
    """Relative paths start at the top of the worktree. Repositories are not fetched; that is told in ``problems``."""
    base = directory if str(worktree) == "/" else worktree
    found: list[Reference] = []
    for name, entry in config.references.items():
        details = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"path": entry}
        path = details.get("path")
        if not isinstance(path, str) or path.startswith(("http://", "https://", "git@")):
            problems.append(f"references.{name}: repositories are not fetched; give the path of a checkout")
            continue
        text = details.get("description")
        absolute = os.path.normpath(base / expand_home(path, places.home))
        found.append(Reference(name, absolute, text if isinstance(text, str) else None, details.get("hidden") is True))
    return found
