"""Files that go along with a prompt, as data URLs: the server may be elsewhere and need not see our files."""

import base64
import mimetypes
from collections.abc import Sequence
from pathlib import Path

import trio

from oad.contract.prompt import FileInput


class CannotAttach(Exception):
    """A file that can't be read."""


async def attach_files(files: Sequence[Path]) -> list[FileInput]:
    """Raises CannotAttach."""
    return [await _attach(trio.Path(file)) for file in files]


async def _attach(file: trio.Path) -> FileInput:
    try:
        data = await file.read_bytes()
    except OSError as error:
        raise CannotAttach(f"{file}: {error.strerror}") from error
    mime = media_type(file.name, data)
    return FileInput(mime=mime, filename=file.name, url=f"data:{mime};base64,{base64.b64encode(data).decode()}")


def media_type(name: str, data: bytes) -> str:
    """What a model can look at by its kind; all other text as text, whatever the name says."""
    guessed = mimetypes.guess_type(name)[0] or ""
    if guessed.startswith("image/") or guessed == "application/pdf":
        return guessed
    try:
        data.decode()
    except UnicodeDecodeError:
        return guessed or "application/octet-stream"
    return "text/plain"
