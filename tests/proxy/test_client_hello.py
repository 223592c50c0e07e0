import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.proxy.client_hello import Seen, read_server_name

from .hello import client_hello, in_records

HELLO = client_hello("Example.org")


def test_the_name_of_a_real_hello() -> None:
    assert read_server_name(HELLO) == "example.org"
    assert read_server_name(client_hello(None)) is Seen.NO_NAME


@pytest.mark.parametrize("size", [1, 3, 4, 5, 64, 250])
def test_a_hello_in_many_records(size: int) -> None:
    assert read_server_name(in_records(HELLO, size)) == "example.org"


@pytest.mark.parametrize("cut", [0, 1, 2, 4, 5, 9, 43, 100])
def test_a_part_of_it_says_nothing(cut: int) -> None:
    assert read_server_name(HELLO[:cut]) is Seen.INCOMPLETE
    assert read_server_name(HELLO[:-1]) is Seen.INCOMPLETE
    split = in_records(HELLO, 50)
    assert read_server_name(split[: len(split) - 1 - cut]) is Seen.INCOMPLETE


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"SSH-2.0-x", b"\x16\x02\x01", b"\x00", b"\x80\x2e\x01"])
def test_other_protocols(data: bytes) -> None:
    assert read_server_name(data) is Seen.NOT_TLS


def test_two_names_and_empty_records_are_broken() -> None:
    at = HELLO.index(b"Example.org") - 9
    extension = HELLO[at : at + 9 + len("Example.org")]
    record, handshake = bytearray(HELLO), len(extension)
    record[at:at] = extension
    for place, width in ((3, 2), (6, 3), (at - _offset_of_extensions(HELLO, at), 2)):
        value = int.from_bytes(record[place : place + width], "big") + handshake
        record[place : place + width] = value.to_bytes(width, "big")
    assert read_server_name(bytes(record)) is Seen.BROKEN
    assert read_server_name(b"\x16\x03\x01\x00\x00" + HELLO) is Seen.BROKEN
    assert read_server_name(b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00") is Seen.BROKEN


def _offset_of_extensions(hello: bytes, at: int) -> int:
    """How far before ``at`` the length of all extensions is."""
    place = 5 + 4 + 2 + 32
    place += 1 + hello[place]
    place += 2 + int.from_bytes(hello[place : place + 2], "big")
    place += 1 + hello[place]
    return at - place


@given(st.binary(max_size=200), st.integers(0, 300))
def test_whatever_comes_is_judged(tail: bytes, cut: int) -> None:
    seen = read_server_name(HELLO[:cut] + tail)
    assert isinstance(seen, str | Seen)
