"""What a call becomes that names no tool on offer, or whose arguments do not fit."""

from typing import Any

from .tool import ToolArgs, ToolContext, ToolResult


class InvalidArgs(ToolArgs):
    tool: str
    error: str


class InvalidTool:
    name = "invalid"
    args = InvalidArgs
    description = "Do not use"

    async def run(self, args: InvalidArgs, context: ToolContext) -> ToolResult:
        output = f"The arguments provided to the tool are invalid: {args.error}"
        return ToolResult("Invalid Tool", output, {"truncated": False})


def unavailable(name: str, offered: list[str]) -> InvalidArgs:
    """For a call of a tool that was not offered."""
    names = ", ".join(sorted({*offered, "invalid"}))
    return InvalidArgs(tool=name, error=f"Model tried to call unavailable tool '{name}'. Available tools: {names}.")


def unfitting(name: str, reason: str) -> InvalidArgs:
    """For a call whose arguments were refused."""
    return InvalidArgs(
        tool=name, error=f"Invalid arguments for tool '{name}': {reason}. Call it again with valid ones."
    )


def as_input(args: InvalidArgs) -> dict[str, Any]:
    """The input which the part then shows."""
    return {"tool": args.tool, "error": args.error}
