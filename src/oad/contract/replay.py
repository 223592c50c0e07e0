"""Replay of journalled events to a client that was away: the reply to ``event.replay``.

Parameters: ``after``, a number of the journal; ``onlyDirectory``, absent for the events of all directories.
"""

import msgspec


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
    events. ``complete`` is false when events that should have come first are no longer kept, or when the number asked
    for was never given out."""

    events: list[ReplayedEvent]
    last: int
    more: bool = False
    complete: bool = True


def encode_page(page: ReplayPage) -> bytes:
    return msgspec.json.encode(page)


def decode_page(body: bytes) -> ReplayPage:
    return msgspec.json.decode(body, type=ReplayPage)
