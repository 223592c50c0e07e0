"""Standing instructions: AGENTS.md and its kin, the user's own, and the files that configuration names."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from .places import Places, expand_home, levels
from .settings import Config
from .watch import Watch

_GLOB = frozenset("*?[")
_SKIPPED = frozenset({".git", "node_modules"})
_MAX_FOLDERS = 500


class Instruction(msgspec.Struct, frozen=True):
    """A file of standing instructions for the model."""

    path: str
    text: str


def instruction_names(watch: Watch) -> tuple[str, ...]:
    """File names, the preferred one first: only the first kind that is found counts."""
    return ("AGENTS.md", "CONTEXT.md") if _without_claude(watch) else ("AGENTS.md", "CLAUDE.md", "CONTEXT.md")


def find_instructions(
    watch: Watch, places: Places, directory: Path, worktree: Path, config: Config
) -> list[Instruction]:
    """Nearest first; then the user's own, then the configured ones; each file once, unreadable and empty ones never."""
    paths: list[Path] = []
    if not watch.flag("OPENCODE_DISABLE_PROJECT_CONFIG"):
        paths += _project_files(watch, levels(directory, worktree))
    paths += _own_file(watch, places)
    for entry in config.instructions:
        if not is_address(entry):
            paths += _configured(watch, places, directory, worktree, entry)
    found = (read_instruction(watch, path) for path in dict.fromkeys(paths))
    return [instruction for instruction in found if instruction]


def read_instruction(watch: Watch, path: Path) -> Instruction | None:
    try:
        content = watch.read(path)
    except OSError:
        return None
    text = (content or b"").decode("utf-8-sig", errors="replace")
    return Instruction(path=str(path), text=text) if text.strip() else None


def is_address(entry: str) -> bool:
    return entry.startswith(("http://", "https://"))


def _without_claude(watch: Watch) -> bool:
    return watch.flag("OPENCODE_DISABLE_CLAUDE_CODE") or watch.flag("OPENCODE_DISABLE_CLAUDE_CODE_PROMPT")


def _project_files(watch: Watch, upwards: list[Path]) -> list[Path]:
    for name in instruction_names(watch):
        if found := [level / name for level in upwards if watch.exists(level / name)]:
            return found
    return []


def _own_file(watch: Watch, places: Places) -> list[Path]:
    candidates = [places.config / "AGENTS.md"]
    if extra := watch.variable("OPENCODE_CONFIG_DIR"):
        candidates.insert(0, Path(extra) / "AGENTS.md")
    if not _without_claude(watch):
        candidates.append(places.home / ".claude" / "CLAUDE.md")
    return [path for path in candidates if watch.exists(path)][:1]


def _configured(watch: Watch, places: Places, directory: Path, worktree: Path, entry: str) -> Iterator[Path]:
    expanded = expand_home(entry, places.home)
    if Path(expanded).is_absolute():
        yield from _glob(watch, Path("/"), Path(expanded).parts[1:])
        return
    if watch.flag("OPENCODE_DISABLE_PROJECT_CONFIG"):
        return
    for level in levels(directory, worktree):
        yield from _glob(watch, level, Path(expanded).parts)


def _glob(watch: Watch, base: Path, segments: tuple[str, ...]) -> Iterator[Path]:
    """Matching files, sorted; listings go through the watch, so that a new file is noticed."""
    current = {base}
    for position, segment in enumerate(segments):
        if segment == "**":
            current = {below for folder in current for below in _below(watch, folder)}
        elif _GLOB.isdisjoint(segment):
            current = {folder / segment for folder in current}
        else:
            current = {
                folder / name for folder in current for name in watch.names(folder) if fnmatchcase(name, segment)
            }
        if position < len(segments) - 1:
            current = {folder for folder in current if folder.is_dir()}
    yield from sorted(path for path in current if watch.exists(path) and path.is_file())


def _below(watch: Watch, top: Path) -> Iterator[Path]:
    pending = [top]
    for _ in range(_MAX_FOLDERS):
        if not pending:
            return
        folder = pending.pop(0)
        yield folder
        names = [name for name in watch.names(folder) if name not in _SKIPPED]
        pending += [folder / name for name in names if (folder / name).is_dir() and not (folder / name).is_symlink()]
