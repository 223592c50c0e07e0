from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.workers.tools.replacement import find, replace
from oad.workers.tools.tool import ToolFailed

text = st.text(alphabet="ab \n\t{}", max_size=60)


@given(text, st.text(alphabet="ab \n\t{}", min_size=1, max_size=6), text, text)
def test_exact_matches_are_as_python_replaces_them(above: str, old: str, below: str, new: str) -> None:
    content = above + old + below
    assert replace(content, old, new, every=True) == content.replace(old, new)
    if content.count(old) == 1:
        assert replace(content, old, new, every=False) == content.replace(old, new)
    else:
        with pytest.raises(ToolFailed, match="places"):
            replace(content, old, new, every=False)


@given(text, text.filter(bool))
def test_places_are_ordered_and_apart(content: str, old: str) -> None:
    spans = find(content, old)
    assert all(0 <= start < end <= len(content) for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


@pytest.mark.parametrize(
    ("content", "old", "expected"),
    [
        ("  if x:\n    y()\n", "if x:\n  y()\n", "NEW\n"),  # indentation
        ("a = 1  \nb = 2\n", "a = 1\nb = 2\n", "NEW\n"),  # blanks at the end
        ("f( a,  b )\nz\n", "f( a, b )", "NEW\n\nz\n"),  # blanks within
        ('say("a\\n")\n', "absent", None),
        ("one\ttwo\n", "one\\ttwo", "NEW\n\n"),  # escaped once too often
        ("def f():\n  a = 11\n  b = 22\n  return a\n", "def f():\n  a = 11\n  b = 23\n  return a\n", "NEW\n"),
    ],
)
def test_tolerance(content: str, old: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ToolFailed, match="not found"):
            replace(content, old, "NEW\n", every=False)
    else:
        assert replace(content, old, "NEW\n", every=False) == expected


def test_tolerance_is_never_ambiguous() -> None:
    with pytest.raises(ToolFailed, match="2 places"):
        replace("  a\n  b\nx\n    a\n    b\n", "a\nb", "c", every=False)
    assert replace("  a\n  b\nx\n    a\n    b\n", "a\nb", "c", every=True) == "c\nx\nc\n"
