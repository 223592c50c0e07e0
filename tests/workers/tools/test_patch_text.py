import pytest

from oad.workers.tools.patch_text import FilePatch, Piece, parse_patch
from oad.workers.tools.tool import ToolFailed

PATCH = """noise
*** Begin Patch
*** Add File: new.txt
+one
+
+two

*** Update File: a.py
*** Move to: b.py
@@ class A:
@@ def f():
 x
-y
+z

+w
@@
-last
*** End of File
*** Delete File: c.py
*** End Patch
"""


def test_parses() -> None:
    assert parse_patch(PATCH) == [
        FilePatch("add", "new.txt", content="one\n\ntwo\n"),
        FilePatch(
            "update",
            "a.py",
            move_to="b.py",
            pieces=[
                Piece(["class A:", "def f():"], ["x", "y", ""], ["x", "z", "", "w"]),
                Piece([], ["last"], [], at_end=True),
            ],
        ),
        FilePatch("delete", "c.py"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "must begin"),
        ("*** Begin Patch\n*** End Patch", "empty"),
        ("*** Begin Patch\n*** Rename File: x\n*** End Patch", "names a file"),
        ("*** Begin Patch\n*** Add File: x\nno plus\n*** End Patch", "begin with \\+"),
        ("*** Begin Patch\n*** Update File: x\n*** End Patch", "nothing to change"),
        ("*** Begin Patch\n*** Update File: x\nword\n*** End Patch", "begin with a blank"),
    ],
)
def test_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        parse_patch(text)
