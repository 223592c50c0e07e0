"""Sessions, their messages and parts, and what makes a session work."""

from typing import Any, Final

import msgspec

from oad.contract.limits import SessionLimitReport
from oad.contract.message import MessageWithParts, Part
from oad.contract.prompt import CommandInput, InitInput, PromptInput, RevertInput, ShellInput, SummarizeInput
from oad.contract.sandbox import SandboxState
from oad.contract.session import (
    FileDiff,
    GlobalSession,
    Session,
    SessionCreate,
    SessionFork,
    SessionPatch,
    SessionStatus,
    Todo,
)
from oad.contract.session_file import ImportReport, SessionFile

from ..operation import DELETE, GET, PATCH, POST, Operation, Plain, op
from ..query import COUNT, NUMBER, TEXT, TRUTH, Choice, Decimal, Integer, Kind

_ONE: Final = "/session/{sessionID}"
_MESSAGE: Final = f"{_ONE}/message/{{messageID}}"
_PART: Final = f"{_MESSAGE}/part/{{partID}}"

_LIST: Final[dict[str, Kind]] = {
    "scope": Choice(("project",)),
    "path": TEXT,
    "roots": TRUTH,
    "start": NUMBER,
    "search": TEXT,
    "limit": COUNT,
}

RECORDS: tuple[Operation, ...] = (
    op("session.list", GET, "/session", query=_LIST, returns=list[Session], summary="List sessions"),
    op(
        "session.create",
        POST,
        "/session",
        body=SessionCreate,
        body_required=False,
        returns=Session,
        errors=(400,),
        family="bare",
        summary="Create session",
    ),
    op(
        "experimental.session.list",
        GET,
        "/experimental/session",
        query={"roots": TRUTH, "start": NUMBER, "cursor": NUMBER, "search": TEXT, "limit": COUNT, "archived": TRUTH},
        returns=list[GlobalSession],
        errors=(400,),
        place="filter",
        summary="List sessions of all directories",
    ),
    op("session.status", GET, "/session/status", returns=dict[str, SessionStatus], summary="Get session status"),
    op("session.get", GET, _ONE, returns=Session, errors=(400, 404), summary="Get session"),
    op("session.delete", DELETE, _ONE, returns=bool, errors=(400, 404), summary="Delete session"),
    op("session.update", PATCH, _ONE, body=SessionPatch, returns=Session, errors=(400, 404), summary="Update session"),
    op("session.children", GET, f"{_ONE}/children", returns=list[Session], errors=(404,), summary="List children"),
    op(
        "session.limits",
        GET,
        f"{_ONE}/limits",
        returns=SessionLimitReport,
        errors=(400, 404),
        extension=True,
        summary="The limits of a session, what it uses of them, and its peaks",
    ),
    op("session.todo", GET, f"{_ONE}/todo", returns=list[Todo], errors=(400, 404), summary="Get session todos"),
    op(
        "session.diff",
        GET,
        f"{_ONE}/diff",
        query={"messageID": TEXT},
        returns=list[FileDiff],
        errors=(400,),
        summary="Get message diff",
    ),
    op(
        "session.fork",
        POST,
        f"{_ONE}/fork",
        body=SessionFork,
        body_required=False,
        returns=Session,
        errors=(400, 404),
        family="bare",
        summary="Fork session",
    ),
)

MESSAGES: tuple[Operation, ...] = (
    op(
        "session.messages",
        GET,
        f"{_ONE}/message",
        query={"limit": Integer(), "before": TEXT},
        returns=list[MessageWithParts],
        errors=(400, 404),
        summary="Get session messages",
    ),
    op("session.message", GET, _MESSAGE, returns=MessageWithParts, errors=(400, 404), summary="Get message"),
    op("session.deleteMessage", DELETE, _MESSAGE, returns=bool, errors=(400, 404, 409), summary="Delete message"),
    op("part.update", PATCH, _PART, body=Part, returns=Part, errors=(400, 404), summary="Update part"),
    op("part.delete", DELETE, _PART, returns=bool, errors=(400, 404), summary="Delete part"),
)


def _turn(
    name: str, path: str, body: Any, returns: Any, summary: str, errors: tuple[int, ...] = (400, 404)
) -> Operation:
    """Takes as long as the model and its tools take."""
    return op(
        name,
        POST,
        f"{_ONE}/{path}",
        body=body,
        returns=returns,
        errors=errors,
        target="session",
        deadline_s=0,
        summary=summary,
    )


TURNS: tuple[Operation, ...] = (
    _turn("session.prompt", "message", PromptInput, MessageWithParts, "Send message"),
    _turn("session.command", "command", CommandInput, MessageWithParts, "Send command"),
    _turn("session.shell", "shell", ShellInput, MessageWithParts, "Run shell command", (400, 404, 409)),
    _turn("session.init", "init", InitInput, bool, "Initialize session"),
    _turn("session.revert", "revert", RevertInput, Session, "Revert message", (400, 404, 409)),
    _turn("session.unrevert", "unrevert", None, Session, "Restore reverted messages", (400, 404, 409)),
    _turn("session.summarize", "summarize", SummarizeInput, bool, "Summarize session"),
    op(
        "session.prompt_async",
        POST,
        f"{_ONE}/prompt_async",
        body=PromptInput,
        returns=None,
        status=204,
        errors=(400, 404),
        target="session",
        summary="Send async message",
    ),
    op(
        "session.abort",
        POST,
        f"{_ONE}/abort",
        returns=bool,
        errors=(400,),
        deadline_s=0,  # as long as its grace, and bounded by the daemon
        summary="Abort session",
        additions={"mode": Choice(("soft", "term", "kill")), "grace": Decimal(0, 60), "keep": TRUTH},
        formats=("application/vnd.oad.receipt+json",),
    ),
    op(
        "session.abortReceipt",
        GET,
        f"{_ONE}/abort",
        returns=dict[str, Any],
        errors=(400, 404),
        extension=True,
        summary="What the last abort of the session did",
    ),
    op(
        "session.sandbox",
        GET,
        f"{_ONE}/sandbox",
        returns=SandboxState,
        errors=(400, 404),
        extension=True,
        summary="What the session's commands may see and do",
    ),
)

FILES: tuple[Operation, ...] = (
    op(
        "session.export",
        GET,
        f"{_ONE}/export",
        query={"format": Choice(("json", "markdown")), "children": TRUTH},
        returns=SessionFile,
        errors=(400, 404, 413),
        deadline_s=0,
        extension=True,
        summary="A session as a file: JSON as the reference exports it, or Markdown to read",
    ),
    op(
        "session.import",
        POST,
        "/session/import",
        query={"existing": Choice(("new", "replace", "keep"))},
        body=msgspec.Raw,
        body_times=8,
        returns=ImportReport,
        errors=(400, 409, 413, 429),
        deadline_s=0,
        extension=True,
        summary="Take in sessions from an exported file, or from an array of several",
    ),
)

_SHARED: Final = "/share/{shareID}"

SHARES: tuple[Operation, ...] = (
    op("session.share", POST, f"{_ONE}/share", returns=Session, errors=(400, 403, 404), summary="Share session"),
    op("session.unshare", DELETE, f"{_ONE}/share", returns=Session, errors=(400, 404), summary="Unshare session"),
    op(
        "share.page",
        GET,
        _SHARED,
        returns=Plain("text/html"),
        errors=(404,),
        scope="open",
        place="none",
        extension=True,
        summary="A shared session as a page, for whoever has the link",
    ),
    op(
        "share.get",
        GET,
        f"{_SHARED}/data",
        returns=dict[str, Any],
        errors=(404,),
        scope="open",
        place="none",
        extension=True,
        summary="The same as JSON",
    ),
)

OPERATIONS = RECORDS + MESSAGES + TURNS + FILES + SHARES
