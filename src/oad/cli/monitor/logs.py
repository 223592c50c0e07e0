"""``oad logs``: what the log says of one session, or of one request."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from ..exit_status import FAILED, OK, USAGE
from ..places import UnsafePlace, find_places
from .log_lines import LEVELS, BadTime, Wanted, parse, parse_since, show
from .log_source import NoLog, read_files, read_journal


class LogOptions(msgspec.Struct, frozen=True):
    """``id``: of a session or request. ``journal``: None is "where there is no file"."""

    id: str = ""
    level: str = "debug"
    since: str | None = None
    follow: bool = False
    as_json: bool = False
    journal: bool | None = None
    user: bool = False
    data_dir: Path | None = None


def print_logs(options: LogOptions) -> int:
    """Status 1 when there is no log, 2 for wrong use."""
    try:
        wanted = _wanted(options)
    except BadTime as error:
        return _refuse(str(error), USAGE)
    try:
        for text in _lines(options, wanted):
            line = parse(text)
            if line is not None and wanted.admits(line):
                print(text.rstrip("\n") if options.as_json else show(line), flush=options.follow)
    except (NoLog, UnsafePlace, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        return _refuse(str(error), FAILED)
    except KeyboardInterrupt:
        pass
    return OK


def _wanted(options: LogOptions) -> Wanted:
    """Raises BadTime."""
    level = {"warn": "warning"}.get(options.level, options.level)
    if level not in LEVELS:
        raise BadTime(f"there is no level {options.level}: one of debug, info, warn, error")
    since = parse_since(options.since, datetime.now().astimezone()) if options.since else None
    return Wanted(options.id, level, since)


def _lines(options: LogOptions, wanted: Wanted) -> Iterator[str]:
    file = find_places(options.data_dir).log_file
    if options.journal or (options.journal is None and not file.exists()):
        since = wanted.since.strftime("%Y-%m-%d %H:%M:%S") if wanted.since is not None else None
        return read_journal(follow=options.follow, user=options.user, since=since)
    return read_files(file, follow=options.follow)


def _refuse(text: str, status: int) -> int:
    print(f"oad: {text}", file=sys.stderr)
    return status
