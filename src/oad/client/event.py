"""Events as they arrive, and what those of a turn carry."""

from typing import Final, TypeVar

import msgspec

from oad.contract.message import Message, NamedError, Part
from oad.contract.session import Session, SessionStatus
from oad.contract.wire_model import WireModel

T = TypeVar("T")
Form = type[T]  # "type" is a field's name below


class Event(msgspec.Struct, frozen=True):
    """``number`` is what Last-Event-ID names, "" for events that are not kept; ``directory`` is "" on a stream that
    carries one directory only."""

    id: str
    type: str
    properties: msgspec.Raw
    number: str = ""
    directory: str = ""

    def read(self, form: Form[T]) -> T:
        """The properties as one of the forms below. Raises msgspec.ValidationError."""
        return msgspec.json.decode(self.properties, type=form)


class PartUpdated(WireModel):
    """message.part.updated"""

    session_id: str
    part: msgspec.Raw

    def decoded(self) -> Part:
        part: Part = msgspec.json.decode(self.part, type=Part)
        return part


class PartDelta(WireModel):
    """message.part.delta"""

    session_id: str
    message_id: str
    part_id: str
    field: str
    delta: str


class MessageUpdated(WireModel):
    """message.updated"""

    session_id: str
    info: Message


class SessionFailed(WireModel):
    """session.error"""

    session_id: str | None = None
    error: NamedError | None = None


class StatusChanged(WireModel):
    """session.status"""

    session_id: str
    status: SessionStatus


class SessionRecord(WireModel):
    """session.created, session.updated, session.deleted"""

    info: Session


class _Plain(msgspec.Struct):
    type: str
    properties: msgspec.Raw
    id: str = ""


class _Wrapped(msgspec.Struct):
    payload: msgspec.Raw
    directory: str = ""


class _Kind(msgspec.Struct):
    type: str = ""
    payload: msgspec.Raw = msgspec.Raw()


_kind: Final = msgspec.json.Decoder(_Kind)
_plain: Final = msgspec.json.Decoder(_Plain)
_wrapped: Final = msgspec.json.Decoder(_Wrapped)


def read_event(data: str, number: str) -> Event | None:
    """From the data of a frame of /event or /global/event; None for what repeats another event ("sync").

    Raises msgspec.DecodeError.
    """
    raw, directory = data.encode(), ""
    if bytes(_kind.decode(raw).payload):
        wrapped = _wrapped.decode(raw)
        raw, directory = bytes(wrapped.payload), wrapped.directory
    if _kind.decode(raw).type == "sync":
        return None
    event = _plain.decode(raw)
    return Event(event.id, event.type, event.properties, number, directory)
