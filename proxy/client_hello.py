"""The server name in the first message of a TLS client. Pure; RFC 8446 section 4.1.2, RFC 6066 section 3."""

import enum
from typing import Final

LONGEST: Final = 64 * 1024
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 1, 0, 0


class Seen(enum.Enum):
    INCOMPLETE = "incomplete"
    NOT_TLS = "not TLS"
    NO_NAME = "no server name"
    BROKEN = "broken"


class _Broken(Exception):
    pass


class _Reader:
    """Takes fields off the front. Raises _Broken when there are none."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, count: int) -> bytes:
        taken, self._data = self._data[:count], self._data[count:]
        if len(taken) < count:
            raise _Broken
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> "_Reader":
        return _Reader(self.take(self.number(width)))


def read_server_name(data: bytes) -> str | Seen:
    """The name, in lower case; otherwise what was seen instead. ``data`` is all that the client has sent."""
    if data[:1] != bytes([_HANDSHAKE]) or data[1:2] not in (b"", b"\x03"):
        return Seen.NOT_TLS if data else Seen.INCOMPLETE
    try:
        message = _handshake_message(data)
        return Seen.INCOMPLETE if message is None else _name_in(_Reader(message))
    except (_Broken, UnicodeDecodeError):
        return Seen.BROKEN


def _handshake_message(data: bytes) -> bytes | None:
    """The body of the first one, put together from as many records as it takes; None while some are missing."""
    joined, at = b"", 0
    while True:
        if len(joined) >= 4:
            if joined[0] != _CLIENT_HELLO:
                raise _Broken
            length = 4 + int.from_bytes(joined[1:4], "big")
            if length > LONGEST:
                raise _Broken
            if len(joined) >= length:
                return joined[4:length]
        head = data[at : at + 5]
        if len(head) < 5:
            return None
        if head[0] != _HANDSHAKE or head[1] != 3:
            raise _Broken
        end = at + 5 + int.from_bytes(head[3:5], "big")
        if end == at + 5:
            raise _Broken  # an empty record of this type is forbidden, and would let a client stretch its hello
        joined += data[at + 5 : end]
        if end > len(data):
            # What is there of an incomplete record may already complete the message only if it lies in it whole.
            return None
        at = end


def _name_in(hello: _Reader) -> str | Seen:
    hello.take(2 + 32)
    hello.vector(1)
    hello.vector(2)
    hello.vector(1)
    if not hello:
        return Seen.NO_NAME
    names: list[str] = []
    extensions = hello.vector(2)
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names += _names(body.vector(2))
    if len(names) > 1:
        raise _Broken  # which of them a server would take is its secret
    return names[0] if names else Seen.NO_NAME


def _names(entries: _Reader) -> list[str]:
    names: list[str] = []
    while entries:
        kind, name = entries.number(1), entries.vector(2)
        if kind != _HOST_NAME:
            raise _Broken
        names.append(_rest(name).decode("ascii").lower().removesuffix("."))
    return names


def _rest(reader: _Reader) -> bytes:
    data = b""
    while reader:
        data += reader.take(1)
    return data
