"""Files that a model is shown as they are, and how they are told from text."""

import base64
import stat
from pathlib import Path

from oad.contract.ids import new_id
from oad.contract.message import FilePart

from .tool import ToolContext

MAX_ATTACHED_BYTES = 20 * 1000 * 1000
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
)
_SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".pdf"}
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")


def attach(context: ToolContext, mime: str, data: bytes, filename: str) -> FilePart:
    """A part that carries the bytes as a data URL."""
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    return FilePart(
        id=new_id("prt"),
        session_id=context.session_id,
        message_id=context.message_id,
        mime=mime,
        url=url,
        filename=filename,
    )


def kind_of(path: Path) -> str:
    """missing, directory, special (devices, sockets, pipes), a MIME type that can be attached, or file. Blocks."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "missing"
    if stat.S_ISDIR(mode):
        return "directory"
    if not stat.S_ISREG(mode):
        return "special"
    return _mime(path) or "file"


def looks_binary(path: Path) -> bool:
    """Judged by the first 8 kB: a NUL, or too many control characters. Blocks."""
    with path.open("rb") as file:
        head = file.read(8192)
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    return b"\0" in head or controls * 10 > len(head) * 3


def _mime(path: Path) -> str | None:
    """By name and content both: a text file called .png is text, and so is a page that begins with "BM"."""
    if path.suffix.lower() not in _SUFFIXES:
        return None
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if head.startswith(signature)), None)
