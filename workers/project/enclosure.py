"""Opening what a client names, and nothing outside the directory it may look into."""

import errno
import os
import posixpath
import stat
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import msgspec

from oad.contract.errors import ApiError, bad_request

_MAX_PATH: Final = 4096
_REASONS: Final = {
    errno.ENOENT: "There is no such file or directory",
    errno.ENOTDIR: "A part of the path is not a directory",
    errno.EACCES: "Permission denied",
    errno.EPERM: "Permission denied",
    errno.ELOOP: "The symbolic links go round in a circle",
    errno.ENAMETOOLONG: "The path is too long",
}


class Opened(msgspec.Struct, frozen=True):
    """``fd`` is an O_PATH descriptor: opened, yet neither readable nor waited for, whatever it is.

    ``path`` is how it was asked for, relative to the root and without dots; ``real`` where it truly is."""

    fd: int
    path: str
    real: str
    status: os.stat_result

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)


class Missing(Exception):
    """Nothing is there, within the root."""


@contextmanager
def open_within(root: str, text: str) -> Generator[Opened]:
    """``text`` is relative to ``root`` or absolute within it. Blocks as long as the file system does.

    Judged is what was opened, not what was named: no exchange of a directory for a symbolic link in between leads out.
    Raises ApiError (400) for what is outside or cannot be opened, Missing for what does not exist."""
    path = _relative(root, text)
    try:
        fd = os.open(posixpath.join(root, path), os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise _cannot_open(error, root, path) from None
    try:
        real = _real_path(fd)
        if not _is_within(os.path.realpath(root), real):
            raise _outside(text)
        yield Opened(fd, path, real, os.fstat(fd))
    finally:
        os.close(fd)


def open_to_read(opened: Opened) -> int:
    """A readable descriptor of the very same regular file; the caller closes it. Raises ApiError (400)."""
    if not opened.is_file:
        kind = "a directory" if opened.is_directory else "neither a file nor a directory"
        raise bad_request(f"{shown(opened.path) or '.'} is {kind}", "Query")
    try:
        return os.open(f"/proc/self/fd/{opened.fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise bad_request(
            f"{_REASONS.get(error.errno or 0, 'It cannot be read')}: {shown(opened.path)}", "Query"
        ) from None


def shown(path: str) -> str:
    """A file name as JSON can carry it: bytes that are not UTF-8 become replacement characters."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _relative(root: str, text: str) -> str:
    if "\0" in text:
        raise bad_request("A path has no NUL character", "Query")
    if len(os.fsencode(text)) > _MAX_PATH:
        raise bad_request(_REASONS[errno.ENAMETOOLONG], "Query")
    path = posixpath.normpath(posixpath.join(root, text))
    if not _is_within(root, path):
        raise _outside(text)
    relative = posixpath.relpath(path, root)
    return "" if relative == "." else relative


def _is_within(root: str, path: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _real_path(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115  what the kernel says, no more


def _outside(text: str) -> ApiError:
    return bad_request(f"The path leads out of the directory: {text[:200]}", "Query")


def _cannot_open(error: OSError, root: str, path: str) -> Exception:
    if error.errno == errno.ENOENT:
        # What a link outside leads to may be there and hidden from this process: either way it is not the project's.
        leads_to = os.path.realpath(posixpath.join(root, path))
        return Missing(path) if _is_within(os.path.realpath(root), leads_to) else _outside(path)
    return bad_request(
        f"{_REASONS.get(error.errno or 0, error.strerror or 'It cannot be opened')}: {path[:200] or '.'}", "Query"
    )
