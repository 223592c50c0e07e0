"""``python -m oad.workers.config.inspection DIRECTORY``: what is wrong with the configuration that applies to it.

Of all files, and with lines, where a server tells the first thing only. Errors, for which routes of the directory would
be 400, go to standard output and make the status 2; what is ignored goes to standard error.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from oad.contract.errors import ApiError

from .ignored import find_ignored
from .jsonc_lines import line_of, line_of_front_matter
from .load import Source, find_sources
from .places import Places, find_places, find_worktree
from .watch import Watch


class Findings(msgspec.Struct):
    errors: list[str] = []
    notes: list[str] = []


def inspect(directory: Path, environ: Mapping[str, str], places: Places | None = None) -> Findings:
    watch = Watch(environ)
    places = places or find_places(watch)
    found = Findings()
    for source in find_sources(watch, places, directory, find_worktree(watch, directory), found.notes):
        try:
            config = source.read() or {}
        except ApiError as error:
            found.errors += _describe(error, source, environ)
            continue
        if not source.name.endswith(".md"):
            found.notes += _ignored(config, source, environ)
    return found


def _describe(error: ApiError, source: Source, environ: Mapping[str, str]) -> Iterator[str]:
    data: dict[str, Any] = error.body["data"]
    if "line" in data:
        yield f"{source.name}:{data['line']}: {data['message']}"
        return
    text = _text(source, environ)
    for issue in data["issues"]:
        path: list[str | int] = issue["path"]
        place = f"{source.name}:{_line(source, text, path)}" if path else source.name
        yield f"{place}: {'.'.join(map(str, path))}{': ' if path else ''}{issue['message']}"


def _ignored(config: dict[str, Any], source: Source, environ: Mapping[str, str]) -> Iterator[str]:
    text = _text(source, environ) if config else ""
    for note in find_ignored(config):
        key = note.split()[0]
        yield f"{source.name}:{_line(source, text, key.split('.'))}: {note}"


def _line(source: Source, text: str, path: list[str | int] | list[str]) -> int:
    if source.name.endswith(".md"):
        return line_of_front_matter(text, str(path[0]))
    return line_of(text, path)


def _text(source: Source, environ: Mapping[str, str]) -> str:
    if source.name in environ:  # a variable
        text = environ[source.name]
        return f'{{"permission": {text}\n}}' if source.name == "OPENCODE_PERMISSION" else text
    try:
        return Path(source.name).read_text("utf-8-sig", errors="replace")
    except OSError:
        return ""


def main(arguments: list[str]) -> int:
    directory = Path(arguments[0]).absolute()
    if not directory.is_dir():
        sys.stdout.write(f"{directory}: no such directory\n")
        return 2
    found = inspect(directory, os.environ)
    sys.stderr.writelines(f"note: {note}\n" for note in found.notes)
    sys.stdout.writelines(f"{error}\n" for error in found.errors)
    return 2 if found.errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
