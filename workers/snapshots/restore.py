"""Puts files of a worktree back, by descriptors: no link that is put in the way meanwhile leads anywhere else.

Each directory on the way is opened by its own name, relative to the one before and never through a link. Blocks.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from .changes import EXECUTABLE_MODE, LINK_MODE, Entry

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Target(msgspec.Struct, frozen=True):
    """What is to be at ``path``, relative to the worktree."""

    path: str
    entry: Entry


def restore(worktree: Path, targets: Sequence[Target], contents: Mapping[str, bytes]) -> dict[str, str]:
    """Returns what could not be put back, and why; the rest is. Files go before others come: one may be in the place of
    a directory that another needs."""
    failed: dict[str, str] = {}
    gone = sorted((each for each in targets if not each.entry.exists), key=lambda each: each.path, reverse=True)
    with _opened(worktree) as root:
        for target in (*gone, *(each for each in targets if each.entry.exists)):
            try:
                _put(root, target, contents.get(target.entry.blob, b""))
            except OSError as error:
                failed[target.path] = error.strerror or str(error)
    return failed


def _put(root: int, target: Target, content: bytes) -> None:
    *parents, name = _parts(target.path)
    if target.entry.exists:
        with _directory(root, parents, make=True) as place:
            _write(place, name, target.entry, content)
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), _directory(root, parents, make=False) as place:
        os.unlink(name, dir_fd=place)
    _remove_empty(root, parents)


def _parts(path: str) -> tuple[str, ...]:
    """Raises OSError for a path that leaves the worktree, or reaches into its repository."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or {"..", ".git"} & {part.lower() for part in parts}:
        raise PermissionError(1, "not a file of the worktree", path)
    return parts


def _write(place: int, name: str, entry: Entry, content: bytes) -> None:
    temporary = f".{name[:200]}.{secrets.token_hex(4)}"
    try:
        if entry.mode == LINK_MODE:
            os.symlink(os.fsdecode(content), temporary, dir_fd=place)
        else:
            _fill(place, temporary, name, entry, content)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, OSError):
            os.rmdir(name, dir_fd=place)  # an empty directory in its place; any other one is not ours to remove
        os.rename(temporary, name, src_dir_fd=place, dst_dir_fd=place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=place)
        raise


def _fill(place: int, temporary: str, name: str, entry: Entry, content: bytes) -> None:
    with os.fdopen(os.open(temporary, _NEW, 0o666, dir_fd=place), "wb") as file:
        file.write(content)
        mode = _mode(place, name) if _mode(place, name) is not None else stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        assert mode is not None
        executable = entry.mode == EXECUTABLE_MODE
        os.fchmod(file.fileno(), mode | (mode & 0o444) >> 2 if executable else mode & ~0o111)


def _mode(place: int, name: str) -> int | None:
    """The permissions of the file that is there now, which stay as they are but for the right to execute."""
    try:
        status = os.stat(name, dir_fd=place, follow_symlinks=False)
    except OSError:
        return None
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None


def _remove_empty(root: int, parents: Sequence[str]) -> None:
    """Git knows no empty directories: the one that the file was in goes with it."""
    for end in range(len(parents), 0, -1):
        try:
            with _directory(root, parents[: end - 1], make=False) as place:
                os.rmdir(parents[end - 1], dir_fd=place)
        except OSError:
            return


@contextlib.contextmanager
def _directory(root: int, names: Sequence[str], *, make: bool) -> Generator[int]:
    """Raises OSError when a part of the way is a link, is missing, or is no directory."""
    with contextlib.ExitStack() as opened:
        place = root
        for name in names:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=place)
            place = os.open(name, _DIRECTORY, dir_fd=place)
            opened.callback(os.close, place)
        yield place


@contextlib.contextmanager
def _opened(path: Path) -> Generator[int]:
    descriptor = os.open(path, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
