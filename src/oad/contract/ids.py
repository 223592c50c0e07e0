"""Identifiers that sort by time: a prefix, 12 hexadecimal digits of time and counter, 14 random base62 characters.

Session ids sort descending (newest first), all others ascending; clients rely on both.
"""

import os
import re
import time
from functools import cache
from typing import Annotated, Final

import msgspec

PREFIXES: Final = ("ses", "msg", "prt", "evt", "per", "que", "pty", "tool", "job")
# Ids which clients choose: of the kind, and harmless in paths and logs.
SessionID = Annotated[str, msgspec.Meta(pattern=r"^ses[A-Za-z0-9_-]{0,125}$")]
MessageID = Annotated[str, msgspec.Meta(pattern=r"^msg[A-Za-z0-9_-]{0,125}$")]
PartID = Annotated[str, msgspec.Meta(pattern=r"^prt[A-Za-z0-9_-]{0,125}$")]

_DESCENDING: Final = frozenset({"ses"})
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ULID: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MASK: Final = (1 << 48) - 1

_last: list[int] = [0, 0]  # the last millisecond seen, the counter within it


def new_id(prefix: str) -> str:
    """A fresh identifier; within a process every id of an ascending prefix is greater than the one before."""
    now = max(int(time.time() * 1000), _last[0])
    _last[1] = _last[1] + 1 if now == _last[0] else 1
    _last[0] = now
    value = (now * 4096 + _last[1]) & _MASK
    if prefix in _DESCENDING:
        value = ~value & _MASK
    return f"{prefix}_{value:012x}{random_text(14)}"


def id_at(prefix: str, moment_ms: int, count: int) -> str:
    """An identifier of another time than now; ``count`` orders those of one moment."""
    return f"{prefix}_{(moment_ms * 4096 + count) & _MASK:012x}{random_text(14)}"


def random_text(length: int, alphabet: str = _BASE62) -> str:
    """Random characters from a cryptographic source."""
    table, unfair = _drawing(alphabet)
    text = b""
    while len(text) < length:  # nearly always once: ids are made by the thousand
        text += os.urandom(length + 8).translate(table, unfair)
    return text[:length].decode()


@cache
def _drawing(alphabet: str) -> tuple[bytes, bytes]:
    """How random bytes become characters, and the bytes to leave out because they would favour the first characters."""
    fair = 256 - 256 % len(alphabet)
    return bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256)), bytes(range(fair, 256))


def new_ulid() -> str:
    """The 26-character form which the reference gives to tool calls that no model made."""
    stamp = int(time.time() * 1000)
    head = "".join(_ULID[(stamp >> shift) & 31] for shift in range(45, -5, -5))
    return head + random_text(16, _ULID)


def is_harmless(text: str) -> bool:
    """Whether a client's identifier may be looked up at all: no separators, dots, NUL or excessive length."""
    return _HARMLESS.fullmatch(text) is not None


def has_prefix(text: str, prefix: str) -> bool:
    """Whether a client-chosen id is acceptable: harmless and of the kind (the reference demands no underscore)."""
    return text.startswith(prefix) and is_harmless(text)


def now_ms() -> int:
    """Wall-clock time in milliseconds, as every time field of the API."""
    return int(time.time() * 1000)
