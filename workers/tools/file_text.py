"""Text files as edited: what is not meant to change survives, be it a byte order mark or undecodable bytes."""

import codecs
from pathlib import Path

import msgspec

from .tool import ToolFailed

MAX_EDIT_BYTES = 20 * 1000 * 1000


class FileText(msgspec.Struct, frozen=True):
    """``text`` is without the mark; undecodable bytes are surrogates, which ``encode`` turns back."""

    text: str
    bom: bool = False

    @property
    def crlf(self) -> bool:
        """Whether most lines end in CRLF."""
        return self.text.count("\r\n") * 2 > self.text.count("\n")

    def encode(self) -> bytes:
        """Raises ToolFailed for text that UTF-8 cannot hold."""
        try:
            data = self.text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ToolFailed(f"The text cannot be written as UTF-8: {error.reason}") from error
        return codecs.BOM_UTF8 + data if self.bom else data

    def replaced(self, text: str) -> "FileText":
        return FileText(text, self.bom)


def decode(data: bytes) -> FileText:
    """Raises ToolFailed for binary data."""
    if b"\0" in data[:65536]:
        raise ToolFailed("This is a binary file; it cannot be edited as text.")
    bom = data.startswith(codecs.BOM_UTF8)
    return FileText(data[3 if bom else 0 :].decode("utf-8", "surrogateescape"), bom)


def load(path: Path) -> FileText | None:
    """The file's text, None if there is none. Blocks. Raises ToolFailed for what cannot be edited."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ToolFailed(f"{path} is a directory, not a file.")
        if not path.is_file():
            raise ToolFailed(f"{path} is not a regular file.")
        if size > MAX_EDIT_BYTES:
            raise ToolFailed(f"{path} has {size} bytes; files of more than {MAX_EDIT_BYTES} cannot be edited.")
        return decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ToolFailed(f"{path} cannot be read: {error.strerror}") from error


def with_line_ends(text: str, *, crlf: bool) -> str:
    """The text with every line ending as the file's do; with LF only what is CRLF stays as it is."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n") if crlf else text


def presentable(text: str) -> str:
    """Text that JSON can carry: undecodable bytes shown as replacement characters."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
