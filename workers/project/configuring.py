"""Changes of configuration as clients ask for them. The daemon writes what is put together here: a worker may not."""

from pathlib import Path
from typing import Any, Final

from ..config.change import change_global, change_project
from ..config.places import find_places, find_worktree
from ..config.watch import Watch
from ..environment import ENVIRONMENT
from .files import FileOperation


async def compose_project(directory: str, params: dict[str, str], body: bytes) -> Any:
    """A ConfigChange. Raises ApiError 400."""
    watch, place = Watch(ENVIRONMENT), Path(directory)
    return change_project(watch, find_places(watch), place, find_worktree(watch, place), body)


async def compose_global(directory: str, params: dict[str, str], body: bytes) -> Any:
    """As ``compose_project``."""
    watch = Watch(ENVIRONMENT)
    return change_global(watch, find_places(watch), body)


CONFIGURING: Final[dict[str, FileOperation]] = {
    "config.compose": compose_project,
    "global.config.compose": compose_global,
}
