"""The tool that reads files and directories."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from oad.contract.message import FilePart

from . import nearby, paths
from .attachment import MAX_ATTACHED_BYTES, attach, kind_of, looks_binary
from .files_seen import files_seen
from .in_thread import in_thread
from .language import note_read
from .text_window import MAX_LINES, Window, read_window
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

_PREVIEW_LINES = 20


class ReadArgs(ToolArgs):
    file_path: Annotated[str, Meta(description="Absolute path of the file or directory")]
    offset: Annotated[int, Meta(ge=0, description="Line or entry to begin with, counted from 1")] | None = None
    limit: Annotated[int, Meta(ge=0, description=f"How many lines or entries ({MAX_LINES} if not given)")] | None = None


class ReadTool:
    name = "read"
    args = ReadArgs
    description = f"""\
Reads a file, or lists a directory.

- Each line comes with its number and a colon before it ("12: text"); entries of a directory come one per line, \
directories with a slash at the end.
- At most {MAX_LINES} lines are returned; go on with `offset`. Very long lines are cut. Prefer one large window to \
many small ones, and read several files in one message.
- Images and PDFs are attached so that you can look at them. Other binary files are refused.
- Use grep to find something in large files, glob when you are not sure of a name."""

    async def run(self, args: ReadArgs, context: ToolContext) -> ToolResult:
        path = paths.resolve(context, args.file_path)
        kind = await in_thread(kind_of, path)
        await paths.ask_outside(context, path, is_directory=kind == "directory")
        await context.ask("read", [paths.relative(context, path) or "."], always=["*"], metadata={})
        if kind == "missing":
            raise ToolFailed(await in_thread(nearby.not_found, path))
        if kind == "special":
            raise ToolFailed(f"{path} is neither a file nor a directory and cannot be read.")
        found = await in_thread(_read, path, kind, args, context)
        if kind != "directory":
            await note_read(context, path)
        output, loaded = nearby.with_instructions(context, path, found.output)
        metadata: dict[str, Any] = {
            "preview": found.preview,
            "truncated": found.truncated,
            "loaded": loaded,
            **found.more,
        }
        return ToolResult(paths.relative(context, path), output, metadata, found.attachments)


class _Found(msgspec.Struct):
    output: str
    preview: str
    truncated: bool
    more: dict[str, Any]
    attachments: list[FilePart] | None = None


def _read(path: Path, kind: str, args: ReadArgs, context: ToolContext) -> _Found:
    """Raises ToolFailed."""
    first, limit = max(args.offset or 1, 1), args.limit or MAX_LINES
    try:
        if kind == "directory":
            return _list(path, first, limit)
        if kind.startswith(("image/", "application/")):
            return _attached(path, kind, context)
        if looks_binary(path):
            raise ToolFailed(f"{path} is a binary file and cannot be read as text.")
        files_seen(context).note(path)
        return _text(path, read_window(path, first, min(limit, MAX_LINES)))
    except OSError as error:
        raise ToolFailed(f"{path} cannot be read: {error.strerror or error}") from error


def _text(path: Path, window: Window) -> _Found:
    if not window.lines and window.first > 1:
        raise ToolFailed(f"Offset {window.first} is beyond the end of the file ({window.total} lines).")
    numbered = "\n".join(f"{number}: {line}" for number, line in enumerate(window.lines, window.first))
    output = f"<path>{path}</path>\n<type>file</type>\n<content>\n{numbered}\n\n({_end_note(window)})\n</content>"
    text = "\n".join(window.lines)
    display = {
        "type": "file",
        "path": str(path),
        "text": text,
        "lineStart": window.first,
        "lineEnd": window.last,
        "totalLines": window.last + 1 if window.total is None else window.total,
        "truncated": window.more,
    }
    return _Found(output, "\n".join(window.lines[:_PREVIEW_LINES]), window.more, {"display": display})


def _end_note(window: Window) -> str:
    if not window.more:
        return f"End of file - total {window.total} lines"
    total = "" if window.total is None else f" of {window.total}"
    reason = "Output is limited to 50 kB. " if window.full else ""
    return f"{reason}Showing lines {window.first}-{window.last}{total}. Use offset={window.last + 1} to go on."


def _list(path: Path, first: int, limit: int) -> _Found:
    names = sorted(each.name + "/" if each.is_dir() else each.name for each in path.iterdir())
    names = [name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in names]
    shown = names[first - 1 : first - 1 + limit]
    truncated = first - 1 + len(shown) < len(names)
    note = f"({len(names)} entries)"
    if truncated:
        note = f"(Showing {len(shown)} of {len(names)} entries. Use offset={first + len(shown)} to go on.)"
    output = "\n".join([f"<path>{path}</path>", "<type>directory</type>", "<entries>", *shown, "", note, "</entries>"])
    display = {
        "type": "directory",
        "path": str(path),
        "entries": shown,
        "offset": first,
        "totalEntries": len(names),
        "truncated": truncated,
    }
    return _Found(output, "\n".join(shown[:_PREVIEW_LINES]), truncated, {"display": display})


def _attached(path: Path, mime: str, context: ToolContext) -> _Found:
    if path.stat().st_size > MAX_ATTACHED_BYTES:
        raise ToolFailed(f"{path} is larger than {MAX_ATTACHED_BYTES} bytes and cannot be attached.")
    text = "PDF read successfully" if mime == "application/pdf" else "Image read successfully"
    return _Found(text, text, False, {}, [attach(context, mime, path.read_bytes(), path.name)])
