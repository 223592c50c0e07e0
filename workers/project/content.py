"""What is in a file, as clients show it."""

import base64
import mimetypes
import os
import stat
from typing import Final

import msgspec

from oad.contract.errors import bad_request, not_found
from oad.contract.files import FileContent

from ..exec import Exec
from ..link import Answer
from ..tools.in_thread import in_thread
from .enclosure import Missing, open_to_read, open_within, shown
from .git import run_git
from .patch_text import read_patch

_MAX_BYTES: Final = 16 << 20
_MAX_DIFF_BYTES: Final = 4 << 20
_UNKNOWN: Final = "application/octet-stream"
_TYPES: Final = mimetypes.MimeTypes()  # the same on every machine, whatever /etc/mime.types says
for _suffix in (".ts", ".tsx", ".mts", ".cts"):
    _TYPES.add_type("text/typescript", _suffix)  # registered as a video
_TYPES.add_type("text/markdown", ".md")


class _File(msgspec.Struct, frozen=True):
    path: str
    real: str
    data: bytes


async def read_content(exec: Exec, root: str, path: str) -> FileContent:
    """Text without the white space around it, anything else as base64; empty text for what does not exist, as the
    clients of this route expect. Raises ApiError (400) for what is not a file within ``root``, or too large."""
    try:
        file = await in_thread(_read, root, path)
    except Missing:
        return FileContent(type="text", content="")
    text = _text(file)
    if text is None:
        encoded = base64.b64encode(file.data).decode()
        return FileContent(type="binary", content=encoded, encoding="base64", mime_type=_media(file.path))
    diff = await _difference(exec, file)
    patch = read_patch(diff, file.path) if diff else None
    return FileContent(type="text", content=text.strip(), diff=diff or None, patch=patch)


async def read_bytes(root: str, path: str) -> Answer:
    """The file as it is. Raises ApiError (400, or 404 for what does not exist)."""
    try:
        file = await in_thread(_read, root, path)
    except Missing:
        raise not_found(f"There is no such file: {path[:200]}") from None
    # A page that somebody put into a repository must not run with this server's origin.
    guard = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}
    return Answer(file.data, headers={"content-type": _media(file.path), **guard})


def _read(root: str, path: str) -> _File:
    with open_within(root, path) as opened:
        descriptor = open_to_read(opened)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
                raise _too_large(opened.path)
            data = _read_all(file.fileno(), opened.path)
        return _File(shown(opened.path), opened.real, data)


def _read_all(descriptor: int, path: str) -> bytes:
    """Also of files that have no size and grow as they are read, as those in /proc."""
    chunks, left = list[bytes](), _MAX_BYTES + 1
    try:
        while left > 0 and (chunk := os.read(descriptor, min(left, 1 << 20))):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        raise bad_request(f"{shown(path)} cannot be read: {error.strerror}", "Query") from None
    if left <= 0:
        raise _too_large(path)
    return b"".join(chunks)


def _too_large(path: str) -> Exception:
    return bad_request(f"{shown(path)} is larger than {_MAX_BYTES >> 20} MiB", "Query")


def _text(file: _File) -> str | None:
    """None for pictures and the like, and for what is not UTF-8."""
    media = _media(file.path)
    is_media = media.startswith(("image/", "audio/", "video/", "font/")) and media != "image/svg+xml"
    if is_media or b"\0" in file.data:
        return None
    try:
        return file.data.decode()
    except UnicodeDecodeError:
        return None


def _media(path: str) -> str:
    return _TYPES.guess_type(path)[0] or _UNKNOWN


async def _difference(exec: Exec, file: _File) -> str:
    """From what is committed; nothing for what is not changed, not tracked, or too different."""
    directory, name = os.path.split(file.real)
    flags = ["--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3"]
    pathspec = f":(literal){shown(name)}"
    answer = await run_git(exec, directory, "diff", *flags, "HEAD", "--", pathspec, limit=_MAX_DIFF_BYTES)
    return answer.stdout.decode("utf-8", "replace") if answer.exit == 0 and answer.whole else ""
