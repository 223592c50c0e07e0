"""What is kept of a terminal's output, by the positions that clients count."""

from hypothesis import given
from hypothesis import strategies as st

from oad.workers.pty.scrollback import Scrollback, units_of


def everything(kept: Scrollback, position: int = 0, most: int = 1000) -> str:
    found = b""
    while position < kept.end:
        data, position = kept.read(position, most)
        found += data
    return found.decode()


def test_positions_count_utf_16() -> None:
    kept = Scrollback()
    kept.append("aé€😀b")
    assert kept.end == 6
    assert kept.read(3, 100) == ("😀b".encode(), 6)
    assert kept.read(5, 100) == (b"b", 6)


def test_a_piece_is_not_longer_than_asked_and_cuts_no_character() -> None:
    kept = Scrollback()
    kept.append("€€€")
    assert kept.read(0, 7) == ("€€".encode(), 2)
    assert kept.read(2, 7) == ("€".encode(), 3)


def test_the_oldest_goes_first() -> None:
    kept = Scrollback(max_bytes=10)
    kept.append("abcdefgh")
    kept.append("ijklm")
    assert (kept.start, kept.end) == (3, 13)
    assert kept.read(0, 100) == (b"defghijklm", 13)


def test_no_character_is_cut_at_the_front() -> None:
    kept = Scrollback(max_bytes=5)
    kept.append("€€€")
    assert kept.read(0, 100) == ("€".encode(), 3)


def test_many_small_writes_take_little_more_than_their_bytes() -> None:
    kept = Scrollback(max_bytes=100_000)
    for _ in range(300_000):
        kept.append("x")
    assert kept.end - kept.start == 100_000
    assert len(kept._pieces) < 10  # pyright: ignore[reportPrivateUsage]


def test_nothing_is_left_to_read_at_the_end() -> None:
    kept = Scrollback()
    assert kept.read(0, 10) == (b"", 0)
    kept.append("abc")
    assert kept.read(3, 10) == (b"", 3)


@given(st.lists(st.text(max_size=40)), st.integers(5, 200), st.integers(4, 64), st.data())
def test_it_always_holds_the_newest(written: list[str], limit: int, most: int, data: st.DataObject) -> None:
    kept = Scrollback(max_bytes=limit)
    for text in written:
        kept.append(text.encode(errors="replace").decode())
    whole = "".join(written).encode(errors="replace").decode()
    assert kept.end == units_of(whole)
    found = everything(kept, most=most)
    assert whole.endswith(found)
    assert len(found.encode()) <= limit
    assert len(found.encode()) > limit - 4 or found == whole
    position = data.draw(st.integers(kept.start, kept.end))
    rest = everything(kept, position, most)
    assert whole.endswith(rest)
    assert kept.end - position - 1 <= units_of(rest) <= kept.end - position + 1
