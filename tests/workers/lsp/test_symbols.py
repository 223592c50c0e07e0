import msgspec
import pytest

from oad.workers.lsp.symbols import MOST, read_symbols


def test_both_forms() -> None:
    at = {"line": 3, "character": 1}
    raw = [
        {"name": "whole", "kind": 12, "location": {"uri": "file:///a", "range": {"start": at, "end": at}}},
        {"name": "bare", "kind": 5, "location": {"uri": "file:///b"}, "data": 1},
        {"name": "text", "kind": 15, "location": {"uri": "file:///b"}},
    ]
    whole, bare = read_symbols(msgspec.Raw(msgspec.json.encode(raw)))
    assert (whole.name, whole.location.range.start.line) == ("whole", 3)
    assert (bare.name, bare.location.range.end.character) == ("bare", 0)


@pytest.mark.parametrize("raw", [b"null", b"[]", b'"x"', b'[{"name":1}]', b"{"])
def test_nothing(raw: bytes) -> None:
    assert read_symbols(msgspec.Raw(raw)) == []


def test_not_too_many() -> None:
    raw = msgspec.json.encode([{"name": "n", "kind": 6, "location": {"uri": "file:///b"}}] * 500)
    assert len(read_symbols(msgspec.Raw(raw))) == MOST
