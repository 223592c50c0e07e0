"""The tool that replaces text in a file."""

from typing import Annotated, Any

from msgspec import Meta

from . import paths
from .file_change import FileChange, change_file, with_notes
from .file_text import FileText, with_line_ends
from .language import diagnosed
from .replacement import replace
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult


class EditArgs(ToolArgs):
    file_path: Annotated[str, Meta(description="Absolute path of the file")]
    old_string: Annotated[str, Meta(description="The text to replace, exactly as it is in the file")]
    new_string: Annotated[str, Meta(description="What to put in its place; must differ from oldString")]
    replace_all: Annotated[bool, Meta(description="Replace every occurrence of oldString (default false)")] | None = (
        None
    )


class EditTool:
    name = "edit"
    args = EditArgs
    description = """\
Replaces a piece of text in a file by another.

- Read the file first. Give oldString exactly as it is in the file, indentation included, without the line numbers \
that read puts before each line.
- oldString must be found exactly once: add neighbouring lines until it is unique, or set `replaceAll` to change every \
occurrence, as in renaming.
- An empty oldString creates a file that does not exist yet."""

    async def run(self, args: EditArgs, context: ToolContext) -> ToolResult:
        if args.old_string == args.new_string:
            raise ToolFailed("oldString and newString are the same: there is nothing to change.")
        path = paths.resolve(context, args.file_path)
        change = await change_file(context, path, lambda before: _edited(before, args))
        metadata = _metadata(change)
        await context.progress(None, metadata)
        output = with_notes("Edit applied successfully.", change.notes)
        result = ToolResult(paths.relative(context, path), output, {**metadata, "truncated": False})
        return await diagnosed(context, result, [path])


def _edited(before: FileText | None, args: EditArgs) -> FileText:
    if before is None or not before.text:
        if args.old_string:
            raise ToolFailed(f"File not found: {args.file_path}" if before is None else "The file is empty.")
        return FileText(args.new_string) if before is None else before.replaced(args.new_string)
    if not args.old_string:
        raise ToolFailed("oldString is empty but the file is not. Say what to replace, or use write.")
    new = with_line_ends(args.new_string, crlf=before.crlf)
    every = args.replace_all is True
    if args.old_string in before.text or not before.crlf:
        return before.replaced(replace(before.text, args.old_string, new, every=every))
    return before.replaced(replace(before.text, with_line_ends(args.old_string, crlf=True), new, every=every))


def _metadata(change: FileChange) -> dict[str, Any]:
    shown = change.diff
    filediff = {
        "file": str(change.path),
        "patch": shown.patch,
        "additions": shown.additions,
        "deletions": shown.deletions,
    }
    return {"diff": shown.patch, "filediff": filediff, "diagnostics": {}}
