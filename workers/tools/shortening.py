"""Long output of a tool, cut to what a model is given; the whole stays in a file."""

from pathlib import Path

import msgspec
import trio

from oad.contract.ids import new_id

from ..config.settings import ToolOutputSection
from .output_capture import MAX_BYTES, MAX_LINES, keep_first
from .tool import ToolContext


class Shortened(msgspec.Struct, frozen=True):
    text: str
    truncated: bool
    file: Path | None = None


async def shorten(context: ToolContext, text: str) -> Shortened:
    """The beginning of ``text`` within the limits that hold for every tool, and where the whole is."""
    lines, size = limits(context)
    if len(text.encode("utf-8", "replace")) <= size and text.count("\n") < lines:
        return Shortened(text, truncated=False)
    file = context.scratch / "tool-output" / new_id("tool")
    await trio.to_thread.run_sync(_store, file, text)
    note = f"[Only the beginning of the output is shown. Full output saved to: {file}. Use grep or read on that file.]"
    return Shortened(f"{keep_first(text, lines=lines, size=size)}\n\n{note}", truncated=True, file=file)


def limits(context: ToolContext) -> tuple[int, int]:
    """Lines and bytes of a tool's output that a model is given, as configured."""
    found = context.services.get("tool_output")
    return (found.max_lines, found.max_bytes) if isinstance(found, ToolOutputSection) else (MAX_LINES, MAX_BYTES)


def _store(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="replace")
