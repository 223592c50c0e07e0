"""One table per resource; TABLE is all of them that are asked and answered, STREAMS the rest."""

from ..operation import Operation
from . import ask, event, experimental, file, instance, job, mcp, pty, server, session, sync, tui, v2, worktree

STREAMS: tuple[Operation, ...] = (*event.OPERATIONS, *pty.SOCKETS)
TABLE: tuple[Operation, ...] = (
    *server.OPERATIONS,
    *session.OPERATIONS,
    *ask.OPERATIONS,
    *job.OPERATIONS,
    *pty.OPERATIONS,
    *instance.OPERATIONS,
    *file.OPERATIONS,
    *mcp.OPERATIONS,
    *sync.OPERATIONS,
    *tui.OPERATIONS,
    *worktree.OPERATIONS,
    *experimental.OPERATIONS,
    *v2.OPERATIONS,
)
