"""``oad audit``: the audit log read and checked, with or without a running server."""

import sys
import time
from pathlib import Path

from oad.daemon.audit.files import CURRENT, Break, files_of, verify

_LOOK_S = 0.5


def print_tail(directory: Path, count: int, *, follow: bool) -> int:
    """The last ``count`` lines; ``follow``: and what is added, until interrupted."""
    try:
        lines = _last(directory, count)
    except OSError as error:
        return _refuse(f"can't read {directory}: {error.strerror}")
    if not files_of(directory) and not follow:
        return _refuse(f"there is no audit log in {directory}")
    sys.stdout.writelines(lines)
    sys.stdout.flush()
    if follow:
        _follow(directory)
    return 0


def check(directory: Path) -> int:
    """0 when the chain is whole; 1 with the file and line where it is broken first, or when there is no log."""
    try:
        if not files_of(directory):
            return _refuse(f"there is no audit log in {directory}")
        first, last = verify(directory)
    except Break as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"can't read {directory}: {error.strerror}")
    print(f"ok: lines {first.seq + 1} to {last.seq}, the last one's hash is {last.hash}")
    return 0


def _last(directory: Path, count: int) -> list[str]:
    lines: list[str] = []
    for file in reversed(files_of(directory)):
        if len(lines) >= count:
            break
        with file.open(errors="replace") as opened:
            lines = [*opened.readlines(), *lines]
    return lines[-count:] if count else []


def _follow(directory: Path) -> None:
    """A file that was full is renamed, and another one takes its place."""
    current, read, inode = directory / CURRENT, -1, 0
    try:
        while True:
            if current.exists():
                found = current.stat()
                read = (found.st_size if read < 0 else 0) if found.st_ino != inode else read
                inode = found.st_ino
                read += _print_from(current, read)
            else:
                read = 0
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        return


def _print_from(file: Path, position: int) -> int:
    """Whole lines only; returns how many bytes."""
    with file.open("rb") as opened:
        opened.seek(position)
        data = opened.read()
    whole = data[: data.rfind(b"\n") + 1]
    sys.stdout.write(whole.decode(errors="replace"))
    sys.stdout.flush()
    return len(whole)


def _refuse(text: str) -> int:
    print(f"oad: {text}", file=sys.stderr)
    return 1
