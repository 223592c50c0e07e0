"""The tool that keeps the session's list of tasks."""

from typing import Annotated

import msgspec
from msgspec import Meta

from .tool import ToolArgs, ToolContext, ToolResult


class TodoItem(ToolArgs):
    content: Annotated[str, Meta(description="What is to be done, in short")]
    status: Annotated[str, Meta(description="pending, in_progress, completed or cancelled")]
    priority: Annotated[str, Meta(description="high, medium or low")]


class TodowriteArgs(ToolArgs):
    todos: Annotated[list[TodoItem], Meta(description="The whole list as it is now")]


class TodowriteTool:
    name = "todowrite"
    args = TodowriteArgs
    description = """\
Replaces the session's list of tasks, which the user sees.

- Use it for work of three or more real steps, for several requests at once, and when asked for a list; not for one \
simple task or a question.
- Give the whole list each time. Mark a task in_progress before you start it, one at a time, and completed as soon as \
it is really done and checked; what is no longer needed is cancelled.
- When something blocks a task leave it in_progress and add a task for what is in the way."""

    async def run(self, args: TodowriteArgs, context: ToolContext) -> ToolResult:
        await context.ask("todowrite", ["*"], always=["*"], metadata={})
        todos = [msgspec.to_builtins(each) for each in args.todos]
        await context.publish("todo.updated", {"sessionID": context.session_id, "todos": todos})
        left = sum(each.status != "completed" for each in args.todos)
        output = msgspec.json.format(msgspec.json.encode(todos), indent=2).decode()
        return ToolResult(f"{left} todos", output, {"todos": todos, "truncated": False})
