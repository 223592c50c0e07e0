"""A session as a file: what ``GET /session/{sessionID}/export`` answers and ``POST /session/import`` takes."""

from typing import Final, Literal

from .message import MessageWithParts
from .session import FileDiff, Session, Todo
from .wire_model import WireModel

LARGEST: Final = 256 << 20  # bytes of one answer; what is larger is refused with 413


class SessionFile(WireModel):
    """``info`` and ``messages`` are the form of the reference's own exports; the rest is oad's, and ignored there."""

    info: Session
    messages: list[MessageWithParts]
    todos: list[Todo] | None = None
    diff: list[FileDiff] | None = None
    children: list["SessionFile"] | None = None


Existing = Literal["new", "replace", "keep"]
Outcome = Literal["created", "replaced", "present"]


class ImportedSession(WireModel):
    """``source`` is its id in the file, ``id`` the one that it has here."""

    id: str
    source: str
    outcome: Outcome
    messages: int


class ImportReport(WireModel):
    sessions: list[ImportedSession]
