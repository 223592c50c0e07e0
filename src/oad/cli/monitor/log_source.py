"""Where the lines of the log are: in the file and those that were set aside, or in the journal; also as they come."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from oad.logs.rotation import files_of

_LOOK_S: Final = 0.25
UNITS: Final = ("oad.service", "oad-gateway@*.service", "oad-proxy.service")


class NoLog(Exception):
    """There is none, or it can't be read."""


def read_files(path: Path, *, follow: bool) -> Iterator[str]:
    """Every line, the oldest first. Raises NoLog."""
    if not files_of(path) and not follow:
        raise NoLog(f"there is no log at {path}")
    reader = _Follower(path)
    try:
        for file in files_of(path):
            if file != path:
                with file.open(errors="replace") as opened:
                    yield from opened
        yield from reader.more()
        while follow:
            time.sleep(_LOOK_S)
            yield from reader.more()
    except OSError as error:
        raise NoLog(f"{path} can't be read: {error.strerror}") from error


class _Follower:
    """Reads on where it left off, also when the file was set aside meanwhile: as a copy, after which it was cut, or by
    renaming it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f"{path.name}.1")
        self._read = 0
        self._inode = _inode(path)
        self._last_aside = _inode(self._aside)
        self._rest = b""

    def more(self) -> Iterator[str]:
        """Whole lines that have come since."""
        aside = _inode(self._aside)
        if aside != self._last_aside or _inode(self._path) != self._inode or _size(self._path) < self._read:
            if aside is not None and aside != self._last_aside:
                yield from self._lines_from(self._aside)
            self._read, self._rest = 0, b""
            self._last_aside, self._inode = aside, _inode(self._path)
        yield from self._lines_from(self._path)

    def _lines_from(self, file: Path) -> Iterator[str]:
        try:
            with file.open("rb") as opened:
                opened.seek(self._read)
                data = opened.read()
        except FileNotFoundError:
            return
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def read_journal(*, follow: bool, user: bool, since: str | None = None) -> Iterator[str]:
    """Raises NoLog."""
    program = shutil.which("journalctl")
    if program is None:
        raise NoLog("there is no log file, and no journal on this host")
    command = [program, "--output=cat", "--no-pager", "--quiet", *_selection(user), *(["--follow"] if follow else [])]
    command += ["--since", since] if since is not None else (["--lines=all"] if follow else [])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace", env=_plain()) as journal:
        assert journal.stdout is not None
        try:
            yield from journal.stdout
        finally:
            journal.terminate()
    if journal.returncode > 0:
        raise NoLog(f"journalctl ended with status {journal.returncode}")


def _selection(user: bool) -> Sequence[str]:
    return [*(["--user"] if user else []), *(f"--unit={unit}" for unit in UNITS)]


def _plain() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("SYSTEMD_")}
