"""Durable events of sessions as they pass from one server to another: read from the journal, and checked on arrival."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from oad.contract.errors import bad_request
from oad.contract.session import Session
from oad.contract.sync import SYNCED, ReplayedSyncEvent
from oad.contract.wire import Event, ProtocolError

from .admission import check_event
from .projection import Recorded
from .store import Store

_PAGE: Final = 1000
_MAX_BYTES: Final = 64 << 20
_VERSION: Final = ".1"
_LASTING: Final = frozenset(SYNCED) - {"session.deleted"}


class Arrived(msgspec.Struct, frozen=True):
    """One that was sent here: ``session`` is the record where it has one."""

    id: str
    type: str
    data: bytes
    session: Session | None = None


class _Info(msgspec.Struct):
    sessionID: str  # noqa: N815  the wire's name
    info: Session


class _Outgoing(msgspec.Struct):
    """A SyncEvent on the wire, its data as the journal has them."""

    id: str
    aggregate_id: str
    seq: int
    type: str
    data: msgspec.Raw


_info: Final = msgspec.json.Decoder(_Info)


def read_history(store: Store, known: Mapping[str, int]) -> bytes:
    """A JSON array of what the journal has of all sessions, without what is known of each. Blocks.

    Raises ApiError 400 when that is too much for one answer."""
    found: list[bytes] = []
    size = 0
    for record in _synced(store):
        if record.aggregate_seq > known.get(record.session, -1):
            found.append(msgspec.json.encode(_outgoing(record)))
            size += len(found[-1])
            if size > _MAX_BYTES:
                raise bad_request(f"The history is larger than {_MAX_BYTES >> 20} MiB: name what is known of sessions")
    return b"[" + b",".join(found) + b"]"


def find_owners(store: Store, ids: set[str]) -> dict[str, str]:
    """To which sessions those of the events belong that are in the journal. Blocks."""
    return {record.id: record.session for record in _synced(store) if record.id in ids}


def _synced(store: Store) -> Iterator[Recorded]:
    after = 0
    while page := store.events_after(after, _PAGE):
        yield from (record for record in page if record.type in SYNCED)
        after = page[-1].seq


def _outgoing(record: Recorded) -> _Outgoing:
    return _Outgoing(
        id=record.id,
        aggregate_id=record.session,
        seq=record.aggregate_seq,
        type=record.type + _VERSION,
        data=msgspec.Raw(record.properties),
    )


def check_arrived(events: Sequence[ReplayedSyncEvent]) -> tuple[str, list[Arrived]]:
    """The session that they are all about, and what they say. Raises ApiError 400."""
    about = events[0].aggregate_id
    return about, [_check(each, about, index) for index, each in enumerate(events)]


def _check(event: ReplayedSyncEvent, about: str, index: int) -> Arrived:
    type = event.type.removesuffix(_VERSION)
    data = bytes(event.data)
    if event.aggregate_id != about:
        raise _refused("The events are about several sessions", index, "aggregateID")
    if type == event.type or type not in _LASTING:
        raise _refused(f"Events of this type are not replayed: {event.type[:100]}", index, "type")
    try:
        if not type.startswith("session."):
            check_event("session", about, Event(type, about, durable=True), data)
            return Arrived(event.id, type, data)
        info = _info.decode(data)
    except (ProtocolError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(str(error)[:500], index, "data") from None
    if {info.sessionID, info.info.id} != {about}:
        raise _refused("It is about another session", index, "data")
    return Arrived(event.id, type, data, info.info)


def _refused(message: str, index: int, field: str) -> Exception:
    return bad_request(f'{message}\n  at ["events"][{index}]["{field}"]')
