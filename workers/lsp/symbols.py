"""Symbols as servers list them, in either of the protocol's two forms."""

from typing import Final

import msgspec

from oad.contract.files import Position, Range, Symbol, SymbolLocation

# Of the protocol's kinds those that people look for: class, method, enum, interface, function, variable, constant and
# struct.
_WANTED: Final = frozenset({5, 6, 10, 11, 12, 13, 14, 23})
MOST: Final = 100


class _Location(msgspec.Struct):
    uri: str
    range: Range | None = None


class _Symbol(msgspec.Struct):
    name: str
    kind: int
    location: _Location


_decode: Final = msgspec.json.Decoder(list[_Symbol]).decode


def read_symbols(raw: msgspec.Raw) -> list[Symbol]:
    """None at all where it is not understood."""
    try:
        found = _decode(raw) if bytes(raw) != b"null" else []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    return [_symbol(each) for each in found if each.kind in _WANTED][:MOST]


def _symbol(found: _Symbol) -> Symbol:
    start = Position(line=0, character=0)
    range = found.location.range or Range(start=start, end=start)
    return Symbol(name=found.name, kind=found.kind, location=SymbolLocation(uri=found.location.uri, range=range))
