"""What a worker lacks of its session's messages: all of them, or those that have changed since it asked last.

The events of the session are the measure, whoever caused them: what a worker keeps from turn to turn is only ever what
the store gave it.
"""

from typing import Final

import msgspec

from .context import Services, join_json
from .messages import with_parts


class _Id(msgspec.Struct):
    id: str


class _Named(msgspec.Struct):
    messageID: str = ""  # noqa: N815  the wire's name


class _Properties(msgspec.Struct):
    messageID: str = ""  # noqa: N815
    info: _Id | None = None
    part: _Named | None = None

    @property
    def message(self) -> str:
        return self.info.id if self.info else self.part.messageID if self.part else self.messageID


_TOUCHING: Final = frozenset({"message.updated", "message.removed", "message.part.updated", "message.part.removed"})
_decode: Final = msgspec.json.Decoder(_Properties).decode


class Transcript(msgspec.Struct):
    """``stamp`` is for the next time. ``placed`` are the times by which ``messages`` are ordered, each with its own;
    ``whole``: these are all there are, else ``removed`` are those that are no more."""

    stamp: int
    messages: msgspec.Raw
    placed: list[int]
    whole: bool
    removed: list[str]


def read_transcript(services: Services, session: str, since: int | None) -> Transcript:
    """On another thread than the daemon's: a long one takes its time."""
    store = services.store
    stamp = store.aggregate_seq(session)  # first: what comes meanwhile is told again the next time
    touched = _touched(services, session, since, stamp) if since is not None else None
    if touched is None:
        found, parts = store.messages(session), store.parts(session)
    else:
        found, parts = store.messages_named(session, touched), store.parts(session, touched)
    grouped: dict[str, list[bytes]] = {}
    for message, id, data in parts:
        grouped.setdefault(message, []).append(services.turns.latest(session, id, data))
    body = join_json([with_parts(info, grouped.get(id, [])) for id, _, info in found])
    there = {id for id, _, _ in found}
    return Transcript(
        stamp=stamp,
        messages=msgspec.Raw(body),
        placed=[created for _, created, _ in found],
        whole=touched is None,
        removed=[] if touched is None else [id for id in touched if id not in there],
    )


def _touched(services: Services, session: str, since: int, stamp: int) -> list[str] | None:
    """None when the events between are not all kept any more."""
    events = [event for event in services.store.events_of(session, since) if event[0] <= stamp]
    if len(events) != stamp - since:
        return None
    return list(dict.fromkeys(_decode(data).message for _, type, data in events if type in _TOUCHING))
