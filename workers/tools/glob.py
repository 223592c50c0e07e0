"""The tool that finds files by name."""

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from . import paths
from .in_thread import in_thread
from .ripgrep import run_ripgrep
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

LIMIT = 100
_MAX_CONSIDERED = 20_000  # files among which the newest are looked for


class GlobArgs(ToolArgs):
    pattern: Annotated[str, Meta(description='Glob pattern, such as "**/*.py" or "src/*.{js,ts}"')]
    path: Annotated[str, Meta(description="Directory to search; the session's directory if not given")] | None = None


class GlobTool:
    name = "glob"
    args = GlobArgs
    description = f"""\
Finds files whose path matches a glob pattern, those changed last first; at most {LIMIT} are listed.

- What .gitignore excludes is not searched.
- For an open-ended search in several rounds use the task tool. Several patterns can be tried in one message."""

    async def run(self, args: GlobArgs, context: ToolContext) -> ToolResult:
        metadata = {"pattern": args.pattern} | ({"path": args.path} if args.path else {})
        await context.ask("glob", [args.pattern], always=["*"], metadata=metadata)
        directory = await search_root(context, args.path)
        if not directory.is_dir:
            raise ToolFailed(f"{directory.path} is not a directory. Search a directory, or read the file.")
        found: list[str] = []

        def take(record: bytes) -> bool:
            found.append(os.fsdecode(record))
            return len(found) < _MAX_CONSIDERED

        pattern = _below(args.pattern, directory.path)
        arguments = ["--files", "--hidden", "--null", "--glob", pattern, "--glob", "!.git/", "--no-messages"]
        await run_ripgrep(context.exec, directory.path, arguments, b"\0", take)
        newest = await in_thread(newest_first, [str(directory.path / name) for name in found])
        title = paths.relative(context, directory.path)
        shown = {"count": min(len(newest), LIMIT), "truncated": len(newest) > LIMIT}
        return ToolResult(title, _listing(newest), shown)


class SearchRoot:
    """Where a search starts: a directory, or a single file."""

    def __init__(self, path: Path, *, is_dir: bool) -> None:
        self.path = path
        self.is_dir = is_dir


async def search_root(context: ToolContext, path: str | None) -> SearchRoot:
    """Asks when it lies outside. Raises ToolFailed when it does not exist."""
    root = paths.resolve(context, path) if path else context.directory
    is_dir = await in_thread(root.is_dir)
    await paths.ask_outside(context, root, is_directory=is_dir)
    if not is_dir and not await in_thread(root.exists):
        raise ToolFailed(f"There is no directory {root} to search.")
    return SearchRoot(root, is_dir=is_dir)


def newest_first(names: list[str]) -> list[str]:
    """By time of the last change; what vanished meanwhile last. Blocks."""
    return sorted(names, key=lambda name: (-_changed(name), name))


def _changed(name: str) -> int:
    try:
        return Path(name).stat().st_mtime_ns
    except OSError:
        return 0


def _below(pattern: str, directory: Path) -> str:
    """An absolute pattern seen from the directory: ripgrep takes a leading slash for the directory itself."""
    prefix = f"{directory}/"
    return "/" + pattern.removeprefix(prefix) if pattern.startswith(prefix) else pattern


def _listing(names: list[str]) -> str:
    if not names:
        return "No files found"
    shown = [name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in names[:LIMIT]]
    if len(names) > LIMIT:
        shown += ["", f"({LIMIT} of {len(names)} files are listed. Use a more precise pattern or path to see others.)"]
    return "\n".join(shown)
