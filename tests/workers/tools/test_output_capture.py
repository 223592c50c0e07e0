import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from oad.workers.tools.output_capture import MAX_BYTES, MAX_LINES, OutputCapture, keep_first, keep_last

lines = st.lists(st.text(max_size=30), max_size=40).map("\n".join)
limits = st.tuples(st.integers(1, 20), st.integers(1, 200))


@given(lines, limits)
def test_keep_last_is_an_end_within_limits(text: str, limit: tuple[int, int]) -> None:
    kept = keep_last(text, lines=limit[0], size=limit[1])
    assert text.endswith(kept)
    assert len(kept.encode()) <= limit[1]
    assert kept.removesuffix("\n").count("\n") < limit[0]
    assert kept == text or kept or len(text[-1].encode()) > limit[1]


@given(lines, limits)
def test_keep_first_is_a_beginning_within_limits(text: str, limit: tuple[int, int]) -> None:
    kept = keep_first(text, lines=limit[0], size=limit[1])
    assert text.startswith(kept)
    assert len(kept.encode()) <= limit[1]
    assert kept.removesuffix("\n").count("\n") < limit[0]


@given(st.lists(st.binary(max_size=2000), max_size=20), st.integers(1, 60))
def test_any_chunks_give_the_end_of_the_whole(chunks: list[bytes], repeat: int) -> None:
    with TemporaryDirectory() as scratch:
        capture = OutputCapture(Path(scratch) / "o")
        for chunk in chunks * repeat:
            capture.feed(chunk)
        captured = capture.finish()
        whole = b"".join(chunks * repeat)
        if not captured.truncated:
            assert captured.text == whole.decode("utf-8", "replace")
            return
        assert captured.file is not None
        assert captured.file.read_bytes() == whole
        assert len(captured.text) <= MAX_BYTES
        assert captured.text.count("\n") <= MAX_LINES


def test_a_character_cut_in_two_is_not_shown_until_it_is_whole(tmp_path: Path) -> None:
    capture = OutputCapture(tmp_path / "o")
    capture.feed(b"a\xe2\x82")
    assert capture.recent(100) == "a"
    capture.feed(b"\xac")
    assert capture.recent(100) == "a€"
    assert capture.recent(1) == "€"


def test_the_file_is_bounded_and_says_so(tmp_path: Path) -> None:
    capture = OutputCapture(tmp_path / "o", max_file_bytes=100_000)
    for _ in range(20):
        capture.feed(b"x" * 9_999 + b"\n")
    captured = capture.finish()
    assert captured.file_is_cut
    assert (tmp_path / "o").stat().st_size == 100_000
    assert len(captured.text) == 50_000


def test_short_output_makes_no_file(tmp_path: Path) -> None:
    capture = OutputCapture(tmp_path / "o")
    capture.feed(b"short\n")
    assert not capture.finish().truncated
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_does_not_stop_the_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    capture = OutputCapture(tmp_path / "file" / "o")  # no directory can be made there
    for _ in range(10):
        capture.feed(b"x" * 99_999 + b"\n")
    captured = capture.finish()
    assert captured.truncated
    assert captured.file is None
    assert len(captured.text) == 51_200


def test_memory_is_bounded(tmp_path: Path) -> None:
    capture = OutputCapture(tmp_path / "o", max_file_bytes=1000)
    chunk = b"0123456789abcde\n" * 4096
    tracemalloc.start()
    for _ in range(2000):
        capture.feed(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert capture.finish().file_is_cut


def test_what_is_kept_can_be_more_or_less(tmp_path: Path) -> None:
    text = b"".join(b"%d\n" % number for number in range(200_000))
    for lines, size in ((3, 10**6), (10**6, 5 * MAX_BYTES), (10**6, 20)):
        capture = OutputCapture(tmp_path / f"{lines}-{size}", lines=lines, size=size)
        for start in range(0, len(text), 10_000):
            capture.feed(text[start : start + 10_000])
        assert capture.finish().text == keep_last(text.decode(), lines=lines, size=size)
