"""The types of events that clients see, for the documentation."""

from typing import Final, Literal

Keeping = Literal["durable", "volatile", "both"]

# Durable events are journalled, numbered and replayed; volatile ones may be dropped for a reader that lags.
SYNC: Final = "sync"

EVENT_TYPES: Final[dict[str, tuple[Keeping, str]]] = {
    "server.connected": ("volatile", "the first event of every stream"),
    "server.heartbeat": ("volatile", "every 10 s"),
    "server.replay_incomplete": ("volatile", "not all that Last-Event-ID asks for can be told: read anew (oad's own)"),
    "server.instance.disposed": (
        "volatile",
        "a directory was let go, and its `/event` streams end; or its configuration has changed: read anew",
    ),
    "global.disposed": ("volatile", "the same for all directories"),
    "project.updated": ("durable", "a project was seen first, or has changed"),
    "session.created": ("durable", "with the record"),
    "session.updated": ("durable", "with the record"),
    "session.deleted": ("durable", "with the record as it was"),
    "session.status": ("durable", "idle, busy, or retry with attempt and time"),
    "session.queued": (
        "volatile",
        "a prompt waits for its turn: its position, of how many, and the limit that keeps it (oad's own)",
    ),
    "session.idle": ("durable", "the turn is over; follows the status"),
    "session.error": ("durable", "a turn failed or was aborted"),
    "session.diff": ("both", "all that the session has changed; durable when it is something new"),
    "session.limit": ("durable", "a limit was reached: which, its value, the peak, and what was stopped (oad's own)"),
    "session.compacted": ("durable", "the conversation was summarised"),
    "message.updated": ("durable", "a message without its parts"),
    "message.removed": ("durable", "a message and its parts are gone"),
    "message.part.updated": ("both", "a part: durable when it begins and when it is finished, volatile in between"),
    "message.part.delta": ("volatile", "text that was added to a part"),
    "message.part.removed": ("durable", "a part is gone"),
    "job.started": ("durable", "a command has left something running (oad's own)"),
    "job.ended": ("durable", "nothing of a job runs any more, and why (oad's own)"),
    "permission.asked": ("durable", "a tool waits for an answer"),
    "permission.replied": ("durable", "it has one"),
    "question.asked": ("durable", "the model waits for an answer"),
    "question.replied": ("durable", "it has one"),
    "question.rejected": ("durable", "it gets none"),
    "todo.updated": ("durable", "the whole list"),
    "command.executed": ("durable", "a slash command was taken up"),
    "pty.created": ("durable", "a terminal was opened"),
    "pty.updated": ("durable", "its title or size has changed"),
    "pty.exited": ("durable", "its program has ended, and it is gone: the exit code, 128 + n for signal n"),
    "pty.deleted": ("durable", "it was removed, and its program ended"),
    "file.edited": ("durable", "a tool has written a file"),
    "mcp.tools.changed": ("volatile", "a server has other tools now, has come back, or is gone"),
    "mcp.browser.open.failed": ("volatile", "somebody has to visit the address to authorize a server"),
    "file.watcher.updated": (
        "both",
        "a file has changed: durable when a tool wrote it, volatile when it was seen",
    ),
    "lsp.updated": ("volatile", "a language server has come or gone"),
    "vcs.branch.updated": ("durable", "another branch, or none, is checked out"),
    "worktree.ready": ("durable", "a worktree that was asked for has its files; its start commands come next"),
    "worktree.failed": ("durable", "it could not be filled, or a start command of it failed, and why"),
    "tui.prompt.append": ("volatile", "text for the prompt of an attached terminal program"),
    "tui.command.execute": ("volatile", "a command for it, such as `session.new`"),
    "tui.toast.show": ("volatile", "a note for it to show"),
    "tui.session.select": ("volatile", "the session that it is to open"),
    SYNC: (
        "durable",
        "on `/global/event` alone: follows each change of a session's record or messages, and repeats it",
    ),
}
