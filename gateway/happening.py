"""One event on its way to the streams, in the two forms in which streams carry it, each encoded at most once."""

from collections.abc import Mapping
from typing import Final

import msgspec

from oad.contract.ids import new_id
from oad.contract.replay import INCOMPLETE, ReplayedEvent, ReplayPage, mark_of
from oad.contract.wire import Push

# Durable events of these types have a twin on /global/event, from which some clients rebuild the sessions' records.
TWINNED: Final = frozenset(
    {"session.created", "session.updated", "session.deleted", "message.updated", "message.part.updated"}
)
DISPOSED: Final = "server.instance.disposed"
ALL_DISPOSED: Final = "global.disposed"
STREAMS_END: Final = "oad.streams.end"  # from the daemon, for no client: the streams of a directory end; "": of all
RELOADED: Final = "oad.reloaded"  # likewise: what gateways have read of files is to be read anew


class _Properties(msgspec.Struct):
    properties: msgspec.Raw


_properties: Final = msgspec.json.Decoder(_Properties)


class Happening:
    """An event with what is needed to select it. ``seq`` is 0 for volatile events."""

    __slots__ = (
        "_plain",
        "_second",
        "_wrapped",
        "aggregate_seq",
        "body",
        "directory",
        "id",
        "project",
        "seq",
        "session",
        "type",
    )

    def __init__(
        self,
        body: bytes,
        *,
        type: str,
        seq: int = 0,
        directory: str = "",
        project: str = "",
        session: str = "",
        aggregate_seq: int = 0,
        id: str = "",
    ) -> None:
        # A line break would end the frame in its middle; valid JSON has them between its tokens only.
        self.body = msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body
        self.type = type
        self.seq = seq
        self.directory = directory
        self.project = project
        self.session = session
        self.aggregate_seq = aggregate_seq
        self.id = id
        self._plain = self._wrapped = self._second = b""

    def plain(self) -> bytes:
        """As on /event."""
        if not self._plain:
            self._plain = self._numbered(self.body)
        return self._plain

    def wrapped(self) -> bytes:
        """As on /global/event, followed by the twin where there is one."""
        if not self._wrapped:
            place = b""
            if self.directory:
                place += b'"directory":' + msgspec.json.encode(self.directory) + b","
            if self.project:
                place += b'"project":' + msgspec.json.encode(self.project) + b","
            data = b"{" + place + b'"payload":' + self.body + b"}"
            if self.seq and self.type in TWINNED:
                # A connection may break between the two: the first one's id says that the second is to come.
                mark = f"{self.seq}a{self.mark().removeprefix(str(self.seq))}"
                first = b"id: %b\ndata: %b\n\n" % (mark.encode(), data)
                self._second = self._numbered(b"{" + place + b'"payload":' + self._twin() + b"}")
                self._wrapped = first + self._second
            else:
                self._wrapped = self._numbered(data)
        return self._wrapped

    def second(self) -> bytes:
        """Of ``wrapped`` the twin alone, if there is one."""
        self.wrapped()
        return self._second

    def mark(self) -> str:
        """Of a durable event, for clients to name it."""
        return mark_of(self.seq, self.id)

    def _numbered(self, data: bytes) -> bytes:
        return b"id: %b\ndata: %b\n\n" % (self.mark().encode(), data) if self.seq else b"data: %b\n\n" % data

    def _twin(self) -> bytes:
        event = {
            "id": self.id,
            "type": f"{self.type}.1",
            "seq": self.aggregate_seq,
            "aggregateID": self.session,
            "data": _properties.decode(self.body).properties,
        }
        return msgspec.json.encode({"type": "sync", "syncEvent": event, "id": self.id})


def pushed(push: Push, body: bytes) -> Happening:
    return Happening(
        body,
        type=push.type,
        seq=push.seq,
        directory=push.directory,
        project=push.project,
        session=push.session,
        aggregate_seq=push.aggregate_seq,
        id=push.id,
    )


def replayed(row: ReplayedEvent) -> Happening:
    return Happening(
        bytes(row.event),
        type=row.type,
        seq=row.seq,
        directory=row.directory,
        project=row.project,
        session=row.session,
        aggregate_seq=row.aggregate_seq,
        id=row.id,
    )


def own(type: str, properties: Mapping[str, int | str] | None = None, *, directory: str = "") -> Happening:
    """An event of the gateway itself, for one stream."""
    body = msgspec.json.encode({"id": new_id("evt"), "type": type, "properties": properties or {}})
    return Happening(body, type=type, directory=directory)


def incomplete(page: ReplayPage, asked: str = "") -> Happening:
    """What a stream is told that can't be told all: of what is kept the oldest follows, if it is known at all where the
    client stands; and what its user should do."""
    properties: dict[str, int | str] = {"reason": "expired" if page.known else "unknown", "after": asked}
    if page.known:
        properties["first"] = page.first
    properties["message"] = "Events are missing here. Read sessions, messages, questions and statuses anew."
    return own(INCOMPLETE, properties)
