"""Where a client stands in the journal, as the ids of events say it: ``17-k3Xq``, or ``17a-k3Xq`` on /global/event for
the first of the two frames of an event that has a twin. A bare number is taken as it is."""

import re
from typing import Final

import msgspec

_ID: Final = re.compile(r"(\d{1,18})(a?)(?:-([\w-]{0,40}))?", re.ASCII)
_SHOWN: Final = 100


class Position(msgspec.Struct, frozen=True):
    """``after``: the number of the last event that was seen as a whole; negative for an id that is none of ours.
    ``mark``: of the last that was seen at all. ``half``: of the next one the first frame was seen."""

    text: str
    after: int = -1
    mark: str = ""
    half: bool = False


def parse_position(text: str) -> Position | None:
    """None for no position at all."""
    if not text:
        return None
    found = _ID.fullmatch(text)
    if found is None:
        return Position(text[:_SHOWN])
    seq, half, tail = int(found[1]), bool(found[2]), found[3]
    return Position(text, seq - half, "" if tail is None else f"{seq}-{tail}", half)
