"""The tool that writes a whole file."""

from typing import Annotated, Any

from msgspec import Meta

from . import paths
from .file_change import change_file, with_notes
from .file_text import FileText, with_line_ends
from .language import diagnosed
from .tool import ToolArgs, ToolContext, ToolResult


class WriteArgs(ToolArgs):
    content: Annotated[str, Meta(description="The whole new content of the file")]
    file_path: Annotated[str, Meta(description="Absolute path of the file")]


class WriteTool:
    name = "write"
    args = WriteArgs
    description = """\
Writes a file, replacing what was there; missing directories are made.

- Read an existing file before you replace it. To change parts of a file use edit.
- Do not create files that the task does not need, and no documentation unless the user asked for it."""

    async def run(self, args: WriteArgs, context: ToolContext) -> ToolResult:
        path = paths.resolve(context, args.file_path)

        def make(before: FileText | None) -> FileText:
            if before is None:
                return FileText(args.content)
            return before.replaced(with_line_ends(args.content.removeprefix("\ufeff"), crlf=before.crlf))

        change = await change_file(context, path, make)
        metadata: dict[str, Any] = {
            "diagnostics": {},
            "filepath": str(path),
            "exists": change.existed,
            "truncated": False,
        }
        output = with_notes("Wrote file successfully.", change.notes)
        result = ToolResult(paths.relative(context, path), output, metadata)
        return await diagnosed(context, result, [path], others=True)
