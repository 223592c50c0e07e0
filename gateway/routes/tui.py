"""Driving terminal programs from outside: each request is an event for those that are attached."""

from typing import Any

from oad.contract.tui import CommandName, ControlRequest, PromptStarted, PromptText, SessionChoice, Toast, TuiEvent

from ..operation import GET, POST, Operation, op
from ..query import TRUTH


def _drive(name: str, path: str, summary: str, body: Any = None, errors: tuple[int, ...] = (400,)) -> Operation:
    return op(name, POST, f"/tui/{path}", body=body, returns=bool, errors=errors, summary=summary)


OPERATIONS: tuple[Operation, ...] = (
    op(
        "tui.appendPrompt",
        POST,
        "/tui/append-prompt",
        body=PromptText,
        returns=bool | PromptStarted,
        errors=(400, 404),
        additions={"run": TRUTH},
        summary="Append TUI prompt",
    ),
    _drive("tui.openHelp", "open-help", "Open help dialog"),
    _drive("tui.openSessions", "open-sessions", "Open sessions dialog"),
    _drive("tui.openThemes", "open-themes", "Open themes dialog"),
    _drive("tui.openModels", "open-models", "Open models dialog"),
    _drive("tui.submitPrompt", "submit-prompt", "Submit TUI prompt"),
    _drive("tui.clearPrompt", "clear-prompt", "Clear TUI prompt"),
    _drive("tui.executeCommand", "execute-command", "Execute TUI command", CommandName),
    _drive("tui.showToast", "show-toast", "Show TUI toast", Toast),
    _drive("tui.publish", "publish", "Publish TUI event", TuiEvent, (400, 404)),
    _drive("tui.selectSession", "select-session", "Select session", SessionChoice, (400, 404)),
    op(
        "tui.control.next",
        GET,
        "/tui/control/next",
        returns=ControlRequest,
        errors=(400,),
        deadline_s=0,
        summary="Get next TUI request",
    ),
    op(
        "tui.control.response",
        POST,
        "/tui/control/response",
        body=Any,
        body_required=False,
        returns=bool,
        errors=(400,),
        summary="Submit TUI response",
    ),
)
