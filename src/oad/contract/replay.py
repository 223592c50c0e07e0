"""Replay of journalled events to a client that was away: the reply to ``event.replay``.

Parameters: ``after``, a number of the journal, negative for what is none; ``onlyDirectory``, absent for the events of
all directories; ``mark``, perhaps, of the event that the client saw last.
"""

import re
from typing import Final

import msgspec

_TAIL: Final = 4  # characters of an event's random id
_STRANGE: Final = re.compile("[^A-Za-z0-9_-]")
INCOMPLETE: Final = "server.replay_incomplete"


class ReplayedEvent(msgspec.Struct, rename="camel", frozen=True):
    """What a Push frame says about an event, and the event itself: JSON with id, type and properties."""

    seq: int
    type: str
    directory: str
    project: str
    session: str
    aggregate_seq: int
    id: str
    event: msgspec.Raw


class ReplayPage(msgspec.Struct, frozen=True):
    """Events in the order of their numbers. ``more``: ask again, after ``last``, which may be beyond the last of these
    events. ``complete`` is false when events that should have come first are no longer kept, or when it is not
    ``known`` what the client saw last: such an event was never in this journal. There are no events then, and ``mark``
    is that of the newest one. ``first``: the oldest number of which all that follow are kept."""

    events: list[ReplayedEvent]
    last: int
    more: bool = False
    complete: bool = True
    known: bool = True
    first: int = 0
    mark: str = ""


def mark_of(seq: int, id: str) -> str:
    """What clients name to go on after an event. Its number alone could be that of another server's journal, or of one
    that was replaced by an older copy and has grown since."""
    tail = id[-_TAIL:]
    if not tail.isalnum() or not tail.isascii():
        tail = _STRANGE.sub("_", tail)  # another server has made it, and this stands in a line of a stream
    return f"{seq}-{tail}" if tail else str(seq)


def encode_page(page: ReplayPage) -> bytes:
    return msgspec.json.encode(page)


def decode_page(body: bytes) -> ReplayPage:
    return msgspec.json.decode(body, type=ReplayPage)
