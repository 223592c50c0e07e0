import os
from pathlib import Path

from oad.daemon.disk_use import DiskUse, measure


def test_all_that_lies_below_is_counted_and_no_link_followed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "a/b").mkdir(parents=True)
    (place / "a/b/file").write_bytes(b"x" * 100_000)
    (tmp_path / "outside").write_bytes(b"x" * 10_000_000)
    (place / "link").symlink_to(tmp_path / "outside")
    (place / "up").symlink_to(tmp_path)
    os.utime(place / "a/b/file", (1, 4_000_000_000))
    parent = os.open(tmp_path, os.O_RDONLY)
    use = measure(parent, "place")
    assert use.items == 3
    assert 100_000 <= use.bytes < 300_000
    assert use.newest == 4_000_000_000
    assert measure(parent, "nothing") == DiskUse()
    os.close(parent)


def test_depth_has_an_end(tmp_path: Path) -> None:
    parent = before = os.open(tmp_path, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d", dir_fd=parent)
        deeper = os.open("d", os.O_RDONLY, dir_fd=parent)
        if parent != before:
            os.close(parent)
        parent = deeper
    os.close(parent)
    assert measure(before, "d").bytes >= 0
    os.close(before)
