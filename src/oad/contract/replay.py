"""Replay of journalled events to a client that was away: the body of the reply to ``event.replay``."""

import msgspec


class ReplayedEvent(msgspec.Struct, array_like=True, frozen=True):
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
    """Events in the order of their numbers. ``more``: ask again, after the last of these. ``complete`` is false when
    events that should have come first are no longer kept, or when the number asked for was never given out."""

    events: list[ReplayedEvent]
    more: bool = False
    complete: bool = True


def encode_page(page: ReplayPage) -> bytes:
    return msgspec.json.encode(page)


def decode_page(body: bytes) -> ReplayPage:
    return msgspec.json.decode(body, type=ReplayPage)
