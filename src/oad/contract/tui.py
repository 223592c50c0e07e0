"""What drives a terminal program from outside: the bodies of ``/tui/*`` and the events that they become."""

from typing import Annotated, Any, Literal

import msgspec

from .ids import SessionID
from .wire_model import WireModel

DEFAULT_DURATION_MS = 5000


class PromptText(WireModel):
    """``text`` is written into the prompt of attached programs. With any other key, as bridges of editors send them,
    it is a prompt to a session: the one that is named, or a new one."""

    text: str | None = None
    prompt: str | None = None
    content: str | None = None
    session: str | None = msgspec.field(default=None, name="session_id")
    session_of_others: str | None = msgspec.field(default=None, name="sessionId")

    def __post_init__(self) -> None:
        if self.words is None:
            raise ValueError("text is missing")
        self.session = self.session or self.session_of_others

    @property
    def words(self) -> str | None:
        return next((each for each in (self.text, self.prompt, self.content) if each is not None), None)

    @property
    def is_bridged(self) -> bool:
        return self.session is not None or self.text is None


class PromptStarted(WireModel):
    ok: bool
    session_id: str = msgspec.field(name="session_id")


class CommandName(WireModel):
    """A command of the terminal program: ``session.new``, or by its older name ``session_new``."""

    command: str


class Toast(WireModel):
    """A short note. ``duration`` in milliseconds."""

    message: str
    variant: Literal["info", "success", "warning", "error"]
    title: str | None = None
    duration: Annotated[int, msgspec.Meta(gt=0)] | None = None


class SessionChoice(WireModel):
    session_id: SessionID


class EventTuiPromptAppend(WireModel, tag_field="type", tag="tui.prompt.append"):
    properties: PromptText


class EventTuiCommandExecute(WireModel, tag_field="type", tag="tui.command.execute"):
    properties: CommandName


class EventTuiToastShow(WireModel, tag_field="type", tag="tui.toast.show"):
    properties: Toast


class EventTuiSessionSelect(WireModel, tag_field="type", tag="tui.session.select"):
    properties: SessionChoice


TuiEvent = EventTuiPromptAppend | EventTuiCommandExecute | EventTuiToastShow | EventTuiSessionSelect


class ControlRequest(WireModel):
    """A request that a controlling client is to carry out: the path that was called and what was sent to it."""

    path: str
    body: Any
