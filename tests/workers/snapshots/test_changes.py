from oad.workers.snapshots.changes import (
    ABSENT,
    Change,
    Entry,
    batched,
    join_changes,
    read_changes,
    read_entries,
    read_pairs,
)

A, B, C = (Entry("100644", letter * 40) for letter in "abc")


def test_changes_are_read_with_odd_names() -> None:
    raw = b":000000 100755 " + b"0" * 40 + b" " + b"a" * 40 + b" A\0new\xff\nname\0"
    raw += b":100644 000000 " + b"b" * 40 + b" " + b"0" * 40 + b" D\0gone\0"
    added, gone = read_changes(raw)
    assert (added.path, added.before, added.after.mode) == ("new\udcff\nname", ABSENT, "100755")
    assert (gone.path, gone.after.exists) == ("gone", False)


def test_repositories_within_are_left_out() -> None:
    raw = b":000000 160000 " + b"0" * 40 + b" " + b"a" * 40 + b" A\0sub\0"
    assert read_changes(raw) == []


def test_pairs_that_git_says_nothing_of_are_missing() -> None:
    one, two = "1" * 40, "2" * 40
    raw = f"{one} {one}\n{one} {two}\n:100644 100644 {'a' * 40} {'b' * 40} M\0x\0".encode()
    assert read_pairs(raw) == {(one, one): [], (one, two): [Change("x", A, B)]}


def test_entries_are_read() -> None:
    raw = f"120000 blob {'a' * 40}\tlink\x00100644 blob {'b' * 40}\ta b\0".encode()
    assert read_entries(raw) == {"link": Entry("120000", "a" * 40), "a b": B}


def test_several_changes_of_a_file_count_as_one() -> None:
    joined = join_changes([[Change("x", A, B), Change("y", ABSENT, A)], [Change("x", B, C), Change("y", A, ABSENT)]])
    assert joined == [Change("x", A, C)]  # y is as it was


def test_long_lists_are_split() -> None:
    paths = [f"{n:0200}" for n in range(3000)]
    parts = list(batched(paths))
    assert len(parts) > 1
    assert [path for part in parts for path in part] == paths
    assert list(batched([])) == []
