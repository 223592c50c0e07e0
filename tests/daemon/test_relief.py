"""The largest heap of temporary files is found and removed, and nothing else."""

from pathlib import Path

from oad.daemon.relief import find_largest, remove


def heap(scratch: Path, name: str, size: int) -> Path:
    place = scratch / name / "tmp" / "deep"
    place.mkdir(parents=True)
    (place / "file").write_bytes(b"x" * size)
    (scratch / name / "tool-output").mkdir()
    (scratch / name / "tool-output" / "kept").write_text("kept")
    return scratch / name


def test_the_largest_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    heap(tmp_path, "ses_small", 100_000)
    large = heap(tmp_path, "ses_large", 1_000_000)
    heap(tmp_path, "something-else", 5_000_000)
    outside = tmp_path / "outside"
    outside.write_bytes(b"x" * 9_000_000)
    (large / "tmp" / "link").symlink_to(outside)
    (large / "tmp" / "loop").symlink_to(large)
    found = find_largest(tmp_path)
    assert found is not None
    assert found.name == "ses_large"
    assert 1_000_000 <= found.bytes < 2_000_000
    assert remove(tmp_path, found.name) == []
    assert not (large / "tmp").exists()
    assert (large / "tool-output" / "kept").read_text() == "kept"
    assert outside.exists()
    after = find_largest(tmp_path)
    assert after is not None
    assert after.name == "ses_small"


def test_where_nothing_is_nothing_is_found(tmp_path: Path) -> None:
    assert find_largest(tmp_path / "none") is None
    assert find_largest(tmp_path) is None
