"""The tool that searches the contents of files."""

import base64
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from .glob import newest_first, search_root
from .in_thread import in_thread
from .ripgrep import run_ripgrep
from .tool import ToolArgs, ToolContext, ToolResult

LIMIT = 100
_MAX_CONSIDERED = 5000  # matches among which those in the newest files are shown
_MAX_LINE_CHARACTERS = 2000


class GrepArgs(ToolArgs):
    pattern: Annotated[str, Meta(description="Regular expression to search for")]
    path: (
        Annotated[str, Meta(description="Directory or file to search; the session's directory if not given")] | None
    ) = None
    include: Annotated[str, Meta(description='Only files that match this glob, such as "*.{ts,tsx}"')] | None = None


class GrepTool:
    name = "grep"
    args = GrepArgs
    description = f"""\
Searches the contents of files for a regular expression and returns the matching lines with their numbers, files \
changed last first; at most {LIMIT} lines.

- What .gitignore excludes, and binary files, are not searched.
- For an open-ended search in several rounds use the task tool; to count matches run `rg` with bash."""

    async def run(self, args: GrepArgs, context: ToolContext) -> ToolResult:
        metadata = {"pattern": args.pattern}
        metadata |= {"path": args.path} if args.path else {}
        metadata |= {"include": args.include} if args.include else {}
        await context.ask("grep", [args.pattern], always=["*"], metadata=metadata)
        root = await search_root(context, args.path)
        matches = _Matches()
        arguments = ["--json", "--hidden", "--no-messages", "--glob", "!.git/"]
        arguments += ["--glob", args.include] if args.include else []
        arguments += ["--regexp", args.pattern, "--", "." if root.is_dir else str(root.path)]
        directory = root.path if root.is_dir else root.path.parent
        await run_ripgrep(context.exec, directory, arguments, b"\n", matches.take)
        files = await in_thread(newest_first, [str(directory / name) for name in matches.by_file])
        shown = {"matches": min(matches.count, LIMIT), "truncated": matches.count > LIMIT}
        return ToolResult(args.pattern, matches.listing(directory, files), shown)


class _Text(msgspec.Struct):
    """Text, or base64 of what is not UTF-8."""

    text: str | None = None
    bytes: str | None = None

    def decoded(self) -> str:
        if self.text is not None:
            return self.text
        return base64.b64decode(self.bytes or "").decode("utf-8", "replace")


class _Data(msgspec.Struct):
    path: _Text | None = None
    lines: _Text | None = None
    line_number: int | None = None


class _Record(msgspec.Struct):
    type: str
    data: _Data


_decoder = msgspec.json.Decoder(_Record)


class _Matches:
    def __init__(self) -> None:
        self.by_file: dict[str, list[tuple[int, str]]] = {}
        self.count = 0

    def take(self, line: bytes) -> bool:
        """One record of ``rg --json``."""
        record = _decoder.decode(line)
        data = record.data
        if record.type == "match" and data.path and data.lines:
            text = data.lines.decoded().rstrip("\r\n")
            if len(text) > _MAX_LINE_CHARACTERS:
                text = text[:_MAX_LINE_CHARACTERS] + "..."
            name = data.path.decoded().removeprefix("./")
            self.by_file.setdefault(name, []).append((data.line_number or 0, text))
            self.count += 1
        return self.count < _MAX_CONSIDERED

    def listing(self, directory: Path, files: list[str]) -> str:
        if not files:
            return "No files found"
        found = {str(directory / name): lines for name, lines in self.by_file.items()}
        out, left = [self._head()], LIMIT
        for file in files:
            if left <= 0:
                break
            lines = found[file][:left]
            left -= len(lines)
            out += ["", f"{file}:"] if len(out) > 1 else [f"{file}:"]
            out += [f"  Line {number}: {text}" for number, text in lines]
        return "\n".join(out) + "\n"

    def _head(self) -> str:
        if self.count <= LIMIT:
            return f"Found {self.count} matches"
        more = "or more " if self.count >= _MAX_CONSIDERED else ""
        return f"Found {self.count} {more}matches (the first {LIMIT} are shown; search more precisely to see others)"
