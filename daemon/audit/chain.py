"""The lines of the audit log: one JSON object each, tied to the line before by its hash.

A line's hash is the SHA-256 of the line as written, up to and without its own ``hash``; ``prev`` in it is the hash of
the line before. Whoever changes, removes, inserts or reorders lines breaks the chain at that place.
"""

import hashlib
from typing import Any, Final

import msgspec

GENESIS: Final = "0" * 64
_TAIL: Final = len(b',"hash":"' + GENESIS.encode() + b'"}')


class Link(msgspec.Struct, frozen=True):
    """A place in the chain: the number and the hash of its last line."""

    seq: int = 0
    hash: str = GENESIS


class BrokenLine(Exception):
    """A line that is none, or whose hash is not its own."""


def forge(after: Link, fields: dict[str, Any]) -> tuple[bytes, Link]:
    """The next line, with its newline, and where the chain stands after it."""
    head = msgspec.json.encode({"seq": after.seq + 1, **fields, "prev": after.hash})[:-1]
    digest = hashlib.sha256(head).hexdigest()
    return head + f',"hash":"{digest}"}}\n'.encode(), Link(after.seq + 1, digest)


class _Stated(msgspec.Struct):
    seq: int
    prev: str
    hash: str


_decoder: Final = msgspec.json.Decoder(_Stated)


def check_line(line: bytes) -> tuple[Link, Link]:
    """The links before and after a line. Raises BrokenLine."""
    try:
        stated = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenLine(f"is no line of an audit log: {error}") from error
    head, tail = line[:-_TAIL], line[-_TAIL:]
    if hashlib.sha256(head).hexdigest() != stated.hash or tail != f',"hash":"{stated.hash}"}}'.encode():
        raise BrokenLine("does not have the hash that it states: it was changed")
    return Link(stated.seq - 1, stated.prev), Link(stated.seq, stated.hash)
