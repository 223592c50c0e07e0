"""Frames on the two ZeroMQ links: gateway and daemon, daemon and worker.

A ZeroMQ message has one part, since each costs a call of its own at both ends: the length of the frame (4 bytes, most
significant first), a msgpack frame from this module, and a body that travels untouched (JSON for or from the client,
possibly empty). Both links speak the same frames; docs/PROTOCOL.md tells who sends which, and when.
"""

from typing import Final

import msgspec

from .trail import Trail

PROTOCOL_VERSION: Final = 2
MAX_BODY_BYTES: Final = 64 * 1024 * 1024


class Hello(msgspec.Struct, tag_field="frame", tag="hello", array_like=True, frozen=True):
    """First frame of every peer. A gateway names the endpoint on which it takes events and the last sequence it saw."""

    version: int
    role: str  # "gateway", "session", "project", "pty"
    name: str  # gateway id, session id, directory, terminal id
    pid: int = 0
    endpoint: str = ""


class Welcome(msgspec.Struct, tag_field="frame", tag="welcome", array_like=True, frozen=True):
    """The daemon's answer to a gateway's hello. ``epoch`` changes with every start of the daemon."""

    version: int
    epoch: str
    last_seq: int


class Origin(msgspec.Struct, array_like=True, frozen=True):
    """On whose behalf a call is made. The gateway fills it in from what it has checked itself, never from what a
    request claims; of a worker's calls it is ignored, for the daemon knows who that is."""

    who: str  # user and method of authentication, such as "opencode (basic)"
    address: str = ""  # of the client
    method: str = ""  # of the HTTP request; GET changes nothing
    user: str = ""  # who is counted for it; "" is everybody who is not named by the settings
    session: str = ""  # whose worker asks; filled in by the daemon alone
    outer: str = ""  # the URL by which the client reaches the server, where a reverse proxy has told


class Call(msgspec.Struct, tag_field="frame", tag="call", array_like=True, frozen=True):
    """A request. ``deadline_s`` counts from reception; 0 means none. ``key``: a repeated mutation is answered alike.
    ``trail``: what the call is made for, which its log lines and the calls that it leads to show too."""

    id: int
    op: str
    params: dict[str, str]
    deadline_s: float = 0.0
    key: str = ""
    origin: Origin | None = None
    trail: Trail | None = None


class Cancel(msgspec.Struct, tag_field="frame", tag="cancel", array_like=True, frozen=True):
    """The caller of ``id`` no longer waits."""

    id: int


class Reply(msgspec.Struct, tag_field="frame", tag="reply", array_like=True, frozen=True):
    """The answer to a call. ``after`` is the number of the last event pushed to this gateway before the answer: the
    gateway answers its client only once that event is written to its streams."""

    id: int
    status: int
    headers: dict[str, str] = {}
    after: int = 0


class Data(msgspec.Struct, tag_field="frame", tag="data", array_like=True, frozen=True):
    """A piece of the stream that the call ``id`` carries until its reply, in either direction: the body. Towards the
    caller a ``cursor`` that is not negative stands for no data, but for the place in the stream that is reached."""

    id: int
    cursor: int = -1


class Grant(msgspec.Struct, tag_field="frame", tag="grant", array_like=True, frozen=True):
    """To whoever sends data in the stream of the call ``id``: so much more of it is welcome, see ``cost_of``."""

    id: int
    size: int


class Event(msgspec.Struct, tag_field="frame", tag="event", array_like=True, frozen=True):
    """From a worker: something happened. The body holds the event's properties as JSON.

    Durable events are journalled, numbered and never skipped; volatile ones may be merged or dropped, never reordered.
    """

    type: str
    session: str
    durable: bool


class Push(msgspec.Struct, tag_field="frame", tag="push", array_like=True, frozen=True):
    """From the daemon to a gateway: one event. ``number`` counts pushes on this link (credits, acks); ``seq`` is the
    journal's number, 0 for volatile events. The body is the whole event as JSON: id, type, properties."""

    number: int
    seq: int
    type: str
    directory: str  # "" for events of no directory
    project: str
    session: str  # "" for events of no session
    aggregate_seq: int  # number within the session, 0 for volatile events
    id: str


class Ack(msgspec.Struct, tag_field="frame", tag="ack", array_like=True, frozen=True):
    """From a gateway: every push up to ``number`` is taken; that many more are welcome."""

    number: int


class Flush(msgspec.Struct, tag_field="frame", tag="flush", array_like=True, frozen=True):
    """To a gateway, among the pushes: say when all up to ``number`` are written to your streams."""

    number: int


class Flushed(msgspec.Struct, tag_field="frame", tag="flushed", array_like=True, frozen=True):
    """From a gateway: they are, on all streams that keep up."""

    number: int


class Listening(msgspec.Struct, tag_field="frame", tag="listening", array_like=True, frozen=True):
    """From a gateway: how many event streams are open on it, by directory; "" are those of all directories. ``cut``:
    those that it has cut off since it started, because their readers were too slow; ``lag``: events that wait for the
    slowest."""

    streams: dict[str, int]
    cut: int = 0
    lag: int = 0


class Drain(msgspec.Struct, tag_field="frame", tag="drain", array_like=True, frozen=True):
    """To a worker: finish what is harmless to finish, accept nothing new, then end."""

    grace_s: float


class Ping(msgspec.Struct, tag_field="frame", tag="ping", array_like=True, frozen=True):
    number: int


class Pong(msgspec.Struct, tag_field="frame", tag="pong", array_like=True, frozen=True):
    number: int


Frame = (
    Hello
    | Welcome
    | Call
    | Cancel
    | Reply
    | Data
    | Grant
    | Event
    | Push
    | Ack
    | Flush
    | Flushed
    | Listening
    | Drain
    | Ping
    | Pong
)

STREAM_WINDOW: Final = 256 * 1024  # what may be under way in each direction of a stream before the first grant
STREAM_PIECE: Final = 64 * 1024  # the longest body of a Data frame
_FRAME_COST: Final = 512  # so that many small pieces can't fill the queues of a link either

_LENGTH: Final = 4  # bytes
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Frame)


class ProtocolError(Exception):
    """The peer sent what is no frame; the link to it is closed."""


def encode_frame(frame: Frame, body: bytes = b"") -> list[bytes]:
    head = _encoder.encode(frame)
    return [b"%b%b%b" % (len(head).to_bytes(_LENGTH, "big"), head, body)]


def cost_of(body: bytes) -> int:
    """What a Data frame with this body takes of the credit of its stream."""
    return len(body) + _FRAME_COST


def decode_frame(parts: list[bytes]) -> tuple[Frame, bytes]:
    """Raises ProtocolError for anything but a known frame with a body of permitted size."""
    if len(parts) != 1:
        raise ProtocolError(f"{len(parts)} parts")
    message = parts[0]
    end = _LENGTH + int.from_bytes(message[:_LENGTH], "big")
    if not _LENGTH < end <= len(message) or len(message) - end > MAX_BODY_BYTES:
        raise ProtocolError(f"a frame of {end - _LENGTH} in a message of {len(message)} bytes")
    try:
        return _decoder.decode(message[_LENGTH:end]), message[end:]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(str(error)) from error
