"""Replacing a configuration file: as a whole or not at all, and only if it still is what the change was made from.

The directory is opened once and everything happens relative to it, so that nothing which is exchanged meanwhile leads
elsewhere. What a repository puts in place of its own file, such as a link out of it, is refused.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Final

NAMES: Final = frozenset({"config.json", "opencode.json", "opencode.jsonc"})
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MAX_BYTES: Final = 4 * 1024 * 1024


class FileChanged(Exception):
    """Somebody else has changed the file since it was read."""


class NotWritable(Exception):
    """The text says why, for the client."""


def replace_in_project(file: Path, text: bytes, seen: str, *, directory: Path) -> None:
    """``file`` lies in ``directory``, in one above it, or in ``.opencode`` of one of these. ``seen``: SHA-256 of the
    content to be replaced, empty for none. Blocks. Raises FileChanged, NotWritable."""
    inner = file.parent.name == ".opencode"
    level = file.parent.parent if inner else file.parent
    if file.name not in NAMES or not (level == directory or level in directory.parents):
        raise NotWritable(f"{file} is no configuration file of {directory}")
    with _explained(file), _opened(level) as top:
        if not inner:
            _replace(top, file.name, text, seen, 0o666)
            return
        with _opened(".opencode", top) as folder:
            _replace(folder, file.name, text, seen, 0o666)


def replace_global(file: Path, text: bytes, seen: str, *, folder: Path) -> None:
    """As ``replace_in_project``, for the user's own file in ``folder``, which is made if need be. People keep theirs in
    repositories and link to them: a link stays one."""
    if file.name not in NAMES or file.parent != folder:
        raise NotWritable(f"{file} is no configuration file of {folder}")
    with _explained(file):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        real = Path(os.path.realpath(file))
        with _opened(real.parent) as parent:
            _replace(parent, real.name, text, seen, 0o600)  # keys of providers often stand in it


@contextlib.contextmanager
def _explained(file: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = "a link or no regular file" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise NotWritable(f"{file} can't be written: {reason}") from error


@contextlib.contextmanager
def _opened(path: Path | str, parent: int | None = None) -> Generator[int]:
    """Below ``parent`` no link is followed; the way to a directory that a client names is the client's business."""
    found = os.open(path, _DIRECTORY | (os.O_NOFOLLOW if parent is not None else 0), dir_fd=parent)
    try:
        yield found
    finally:
        os.close(found)


def _replace(folder: int, name: str, text: bytes, seen: str, mode: int) -> None:
    known = _read(folder, name)
    if seen != ("" if known is None else hashlib.sha256(known[0]).hexdigest()):
        raise FileChanged(name)
    temporary = f".{name}.{secrets.token_hex(4)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, mode, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if known is not None:
                _take_over(file.fileno(), known[1])
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _read(folder: int, name: str) -> tuple[bytes, os.stat_result] | None:
    """None where there is nothing. Raises OSError (ELOOP) for what is no regular file."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ELOOP, "not a regular file")
        return file.read(_MAX_BYTES), status


def _take_over(descriptor: int, known: os.stat_result) -> None:
    """Owner and mode of the file that is replaced. Raises OSError where they can't be given: it is left alone then."""
    if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, known.st_uid, known.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(known.st_mode))
