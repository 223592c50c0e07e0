from oad.contract.session import FileDiff, SessionSummary
from oad.workers.snapshots.changes import ABSENT, Change, Entry
from oad.workers.snapshots.file_diffs import MAX_FILES, describe, summarize

OLD, NEW, BINARY, LARGE = (Entry("100644", name) for name in ("old", "new", "binary", "large"))
CONTENTS = {"old": b"alpha\nbeta\n", "new": b"alpha\nBETA\n", "binary": b"\0\1"}


def test_as_clients_draw_it() -> None:
    [diff] = describe([Change("src/a.txt", OLD, NEW)], CONTENTS)
    assert diff.patch == (
        "Index: src/a.txt\n" + "=" * 67 + "\n--- src/a.txt\t\n+++ src/a.txt\t\n@@ -1,2 +1,2 @@\n alpha\n-beta\n+BETA\n"
    )
    assert (diff.file, diff.additions, diff.deletions, diff.status) == ("src/a.txt", 1, 1, "modified")


def test_new_deleted_and_incomparable_files() -> None:
    changes = [Change("n", ABSENT, NEW), Change("d", OLD, ABSENT), Change("b", OLD, BINARY), Change("l", OLD, LARGE)]
    told = [(diff.status, diff.additions, diff.deletions, diff.patch is None) for diff in describe(changes, CONTENTS)]
    assert told == [
        ("added", 2, 0, False),
        ("deleted", 0, 2, False),
        ("modified", 0, 0, True),
        ("modified", 0, 0, True),
    ]


def test_texts_are_bounded_and_numbers_stay() -> None:
    contents = {**CONTENTS, "long": b"x\n" * 150_000}
    diffs = describe([Change(name, ABSENT, Entry("100644", "long")) for name in "ab"], contents)
    assert [(diff.patch is None, diff.additions) for diff in diffs] == [(True, 150_000)] * 2
    many = [Change(f"{n}", ABSENT, NEW) for n in range(MAX_FILES + 5)]
    assert len(describe(many, CONTENTS)) == MAX_FILES


def test_a_summary_adds_up() -> None:
    diffs = [FileDiff(additions=1, deletions=2), FileDiff(additions=3, deletions=0)]
    assert summarize(diffs) == SessionSummary(additions=4, deletions=2, files=2)
