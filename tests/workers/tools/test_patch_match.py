import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.workers.tools.patch_match import apply_pieces
from oad.workers.tools.patch_text import Piece
from oad.workers.tools.tool import ToolFailed

lines = st.lists(st.text(alphabet="abc ", max_size=4), max_size=8)


@given(lines, lines, lines, lines)
def test_a_piece_that_is_there_is_replaced(above: list[str], old: list[str], new: list[str], below: list[str]) -> None:
    mark = ["MARK"]
    text = "".join(f"{line}\n" for line in [*above, *mark, *old, *below])
    changed = apply_pieces("f", text, [Piece([], mark + old, mark + new)])
    assert changed == "".join(f"{line}\n" for line in [*above, *mark, *new, *below])


def test_heads_tell_equal_places_apart() -> None:
    text = "def a():\n  x\ndef b():\n  x\n"
    assert apply_pieces("f", text, [Piece(["def b():"], ["  x"], ["  y"])]) == "def a():\n  x\ndef b():\n  y\n"
    assert apply_pieces("f", text, [Piece(["def a():"], [], ["  new"])]) == "def a():\n  new\n  x\ndef b():\n  x\n"


def test_the_end_is_meant_where_it_is_said() -> None:
    assert apply_pieces("f", "x\ny\nx\n", [Piece([], ["x"], ["z"], at_end=True)]) == "x\ny\nz\n"
    assert apply_pieces("f", "x", [Piece([], [], ["z"])]) == "x\nz"


def test_blanks_and_typography_are_forgiven_but_kept() -> None:
    assert apply_pieces("f", "  “a”  \nb\n", [Piece([], ['"a"', "b"], ['"a"', "c"])]) == "  “a”  \nc\n"


def test_line_ends_are_kept() -> None:
    assert apply_pieces("f", "a\r\nb\r\n", [Piece([], ["b"], ["c", "d"])]) == "a\r\nc\r\nd\r\n"


def test_missing_lines_are_named() -> None:
    with pytest.raises(ToolFailed, match=r"f: these lines were not found(.|\n)*zzz"):
        apply_pieces("f", "a\n", [Piece([], ["zzz"], [])])
    with pytest.raises(ToolFailed, match="@@"):
        apply_pieces("f", "a\n", [Piece(["nope"], ["a"], [])])
