from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from oad.workers.tools.text_window import MAX_LINE_CHARACTERS, read_window

lines = st.lists(st.text(alphabet="ab é", max_size=20), min_size=1, max_size=30)


@given(lines, st.booleans(), st.integers(1, 35), st.integers(1, 35))
def test_windows_are_slices(content: list[str], ended: bool, first: int, count: int) -> None:
    text = "\n".join(content) + ("\n" if ended else "")
    expected = text.removesuffix("\n").split("\n") if text else []
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "f"
        path.write_text(text)
        window = read_window(path, first, count)
    assert window.lines == expected[first - 1 : first - 1 + count]
    assert window.total == len(expected)


def test_huge_lines_and_sizes_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x" * 300_000 + "\nshort\n" + "y" * 1500 + "\n" + ("z" * 1500 + "\n") * 100)
    window = read_window(path, 1, 2000)
    assert window.lines[0].startswith("x" * MAX_LINE_CHARACTERS + "...")
    assert window.lines[1] == "short"
    assert window.full
    assert window.total == 103
    assert window.more
