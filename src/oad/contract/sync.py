"""Durable events of sessions as servers pass them on to each other."""

from typing import Annotated, Any, Final

import msgspec

from .ids import SessionID
from .wire_model import WireModel

EventID = Annotated[str, msgspec.Meta(pattern=r"^evt_[A-Za-z0-9_-]{1,125}$")]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

SYNCED: Final = (
    "session.created",
    "session.updated",
    "session.deleted",
    "message.updated",
    "message.removed",
    "message.part.updated",
    "message.part.removed",
)


class SyncEvent(WireModel):
    """One that is in the journal. ``seq`` grows within a session, with gaps; ``type`` ends in a version."""

    id: EventID
    aggregate_id: str = msgspec.field(name="aggregate_id")
    seq: Sequence
    type: str
    data: dict[str, Any]


class ReplayedSyncEvent(WireModel):
    """One that another server has sent."""

    id: EventID
    aggregate_id: str
    seq: Sequence
    type: str
    data: msgspec.Raw


class SyncReplayInput(WireModel):
    directory: str
    events: Annotated[list[ReplayedSyncEvent], msgspec.Meta(min_length=1)]


class SyncStealInput(WireModel):
    session_id: SessionID


class SyncSession(WireModel):
    session_id: SessionID
