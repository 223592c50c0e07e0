"""The types of events that clients see, for the documentation."""

from typing import Final, Literal

Keeping = Literal["durable", "volatile", "both"]

# Durable events are journalled, numbered and replayed; volatile ones may be dropped for a reader that lags.
EVENT_TYPES: Final[dict[str, tuple[Keeping, str]]] = {
    "server.connected": ("volatile", "the first event of every stream"),
    "server.heartbeat": ("volatile", "every 10 s"),
    "server.replay.incomplete": ("volatile", "the journal no longer holds all that Last-Event-ID asks for (oad's own)"),
    "server.instance.disposed": ("volatile", "a directory was let go; its `/event` streams end"),
    "global.disposed": ("volatile", "all directories were let go"),
    "project.updated": ("durable", "a project was seen first, or has changed"),
    "session.created": ("durable", "with the record"),
    "session.updated": ("durable", "with the record"),
    "session.deleted": ("durable", "with the record as it was"),
    "session.status": ("durable", "idle, busy, or retry with attempt and time"),
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
    "file.edited": ("durable", "a tool has written a file"),
    "file.watcher.updated": ("durable", "a file has changed"),
}
