"""What drives terminal programs: every request is an event of its directory, and is kept for clients that fetch it."""

from typing import Final

import msgspec

from oad.contract.tui import (
    DEFAULT_DURATION_MS,
    CommandName,
    ControlRequest,
    EventTuiCommandExecute,
    EventTuiPromptAppend,
    EventTuiToastShow,
    PromptText,
    SessionChoice,
    Toast,
    TuiEvent,
)
from oad.contract.wire_model import WireModel
from oad.link import Answer

from ..journal import Place
from .context import TRUE, Operation, Request

# What each of these requests has the program do.
_OPENED: Final = {
    "tui.openHelp": ("/tui/open-help", "help.show"),
    "tui.openSessions": ("/tui/open-sessions", "session.list"),
    "tui.openThemes": ("/tui/open-themes", "theme.switch"),
    "tui.openModels": ("/tui/open-models", "model.list"),
    "tui.submitPrompt": ("/tui/submit-prompt", "prompt.submit"),
    "tui.clearPrompt": ("/tui/clear-prompt", "prompt.clear"),
}
# Names of commands from before they had dots.
_RENAMED: Final = {
    "session_new": "session.new",
    "session_share": "session.share",
    "session_interrupt": "session.interrupt",
    "session_compact": "session.compact",
    "messages_page_up": "session.page.up",
    "messages_page_down": "session.page.down",
    "messages_line_up": "session.line.up",
    "messages_line_down": "session.line.down",
    "messages_half_page_up": "session.half.page.up",
    "messages_half_page_down": "session.half.page.down",
    "messages_first": "session.first",
    "messages_last": "session.last",
    "agent_cycle": "agent.cycle",
}


async def open_something(request: Request) -> Answer:
    path, command = _OPENED[request.op]
    return _send(request, path, "tui.command.execute", CommandName(command=command))


async def append_prompt(request: Request) -> Answer:
    return _send(request, "/tui/append-prompt", "tui.prompt.append", _text_of(request.decode(PromptText)))


async def execute_command(request: Request) -> Answer:
    """The program ignores what it does not know; which commands there are is its own business."""
    wanted: CommandName = request.decode(CommandName)
    command = CommandName(command=_RENAMED.get(wanted.command, wanted.command))
    return _send(request, "/tui/execute-command", "tui.command.execute", command)


async def show_toast(request: Request) -> Answer:
    return _send(request, "/tui/show-toast", "tui.toast.show", _lasting(request.decode(Toast)))


async def select_session(request: Request) -> Answer:
    wanted: SessionChoice = request.decode(SessionChoice)
    request.services.sessions.find(wanted.session_id)
    return _send(request, "/tui/select-session", "tui.session.select", wanted)


async def publish(request: Request) -> Answer:
    """Any of the events above, as they are."""
    event: TuiEvent = request.decode(TuiEvent)
    match event:
        case EventTuiPromptAppend():
            return _send(request, "/tui/publish", "tui.prompt.append", _text_of(event.properties))
        case EventTuiCommandExecute():
            return _send(request, "/tui/publish", "tui.command.execute", event.properties)
        case EventTuiToastShow():
            return _send(request, "/tui/publish", "tui.toast.show", _lasting(event.properties))
        case _:
            request.services.sessions.find(event.properties.session_id)
            return _send(request, "/tui/publish", "tui.session.select", event.properties)


async def fetch_request(request: Request) -> Answer:
    """Waits until there is one."""
    return Answer(await request.services.controls.take(request.params["directory"]))


async def take_response(request: Request) -> Answer:
    """What a controlling client says of a request; nobody waits for it, the caller was answered long before."""
    return TRUE


def _text_of(wanted: PromptText) -> PromptText:
    return PromptText(text=wanted.words)


def _lasting(toast: Toast) -> Toast:
    return msgspec.structs.replace(toast, duration=toast.duration or DEFAULT_DURATION_MS)


def _send(request: Request, path: str, type: str, properties: WireModel) -> Answer:
    services, directory = request.services, request.params["directory"]
    services.journal.append(type, properties, Place(directory=directory), durable=False)
    body = msgspec.Raw(request.body or b"{}")
    services.controls.put(directory, msgspec.json.encode(ControlRequest(path=path, body=body)))
    return TRUE


TUI: Final[dict[str, Operation]] = {
    **dict.fromkeys(_OPENED, open_something),
    "tui.appendPrompt": append_prompt,
    "tui.executeCommand": execute_command,
    "tui.showToast": show_toast,
    "tui.publish": publish,
    "tui.selectSession": select_session,
    "tui.control.next": fetch_request,
    "tui.control.response": take_response,
}
