from oad.workers.project.patch_text import read_changes, read_patch

HEAD = (
    b":100644 100644 190423f 0000000 M\0src/a\0:000000 100644 0000000 0000000 A\0new\0"
    b":100644 000000 aaaaaaa 0000000 D\0gone\0:120000 100644 83a3157 0000000 T\0link\0"
    b"1\t1\tsrc/a\0-\t-\tnew\0" + b"0\t3\tgone\0" + b"1\t1\tlink\0\0"
)
PATCHES = [
    b"diff --git a/src/a b/src/a\n@@ -1 +1 @@\n-diff --git a\n+x\n",
    b"diff --git a/new b/new\nBinary files differ\n",
    b"diff --git a/gone b/gone\n",
    b"diff --git a/link b/link\ndeleted\n",
    b"diff --git a/link b/link\nnew\n",
]


def test_changes() -> None:
    changes = read_changes(HEAD + b"".join(PATCHES))
    assert [(each.path, each.change, each.additions, each.deletions) for each in changes] == [
        (b"src/a", "modified", 1, 1),
        (b"new", "added", 0, 0),
        (b"gone", "deleted", 0, 3),
        (b"link", "modified", 1, 1),
    ]
    assert [each.patch for each in changes] == [*PATCHES[:3], PATCHES[3] + PATCHES[4]]


def test_output_that_was_cut_off() -> None:
    changes = read_changes(HEAD + b"".join(PATCHES[:2]), whole=False)
    assert [each.patch for each in changes] == [PATCHES[0], None, None, None]
    assert [each.deletions for each in changes] == [1, 0, 3, 1]


def test_without_patches() -> None:
    assert [each.patch for each in read_changes(HEAD[:-1])] == [None] * 4
    assert read_changes(b"") == []


def test_conflicts() -> None:
    head = b":000000 000000 0 0 U\0x\0:100644 100644 1 0 M\0x\0:000000 000000 0 0 U\0y\0" + b"4\t0\tx\0\0"
    changes = read_changes(head + b"* Unmerged path x\ndiff --git a/x b/x\n+1\n* Unmerged path y\n")
    assert [(each.path, each.change, each.patch) for each in changes] == [
        (b"x", "modified", b"diff --git a/x b/x\n+1\n"),
        (b"y", "modified", b""),
    ]


def test_hunks() -> None:
    head = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"
    patch = read_patch(f"{head}@@ -2 +2,2 @@ def f():\n-a\n+b\n+c\n@@ -9,0 +11 @@\n+d\n", "f")
    assert (patch.old_file_name, patch.new_file_name, patch.index) == ("f", "f", "1..2 100644")
    assert [(h.old_start, h.old_lines, h.new_start, h.new_lines, h.lines) for h in patch.hunks] == [
        (2, 1, 2, 2, ["-a", "+b", "+c"]),
        (9, 0, 11, 1, ["+d"]),
    ]
