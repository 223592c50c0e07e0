import logging
import os
from pathlib import Path

from oad.contract.policy import StoragePolicy
from oad.daemon.log_rotation import rotate

MB = 1 << 20


def content(place: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in sorted(place.iterdir())}


def test_a_file_that_is_large_is_set_aside_and_its_writers_go_on(tmp_path: Path) -> None:
    file, policy = tmp_path / "oad.log", StoragePolicy(log_mb=1, log_files=2)
    handler = logging.FileHandler(file)
    for text in ("a", "b", "c", "d"):
        handler.stream.write(text * (MB + 1))
        handler.stream.flush()
        rotate(file, policy)
        assert file.stat().st_size == 0
    handler.emit(logging.LogRecord("x", 20, "", 0, "next", None, None))
    handler.close()
    assert content(tmp_path) == {"oad.log": 5, "oad.log.1": MB + 1, "oad.log.2": MB + 1}
    assert (tmp_path / "oad.log.1").read_text()[0] == "d"
    assert (tmp_path / "oad.log.2").read_text()[0] == "c"
    assert (tmp_path / "oad.log.1").stat().st_mode & 0o777 == 0o600


def test_a_small_one_stays_and_what_is_too_much_goes(tmp_path: Path) -> None:
    file, policy = tmp_path / "oad.log", StoragePolicy(log_files=1)
    for name in ("oad.log", "oad.log.1", "oad.log.2", "oad.log.7", "oad.log.gz", "other"):
        (tmp_path / name).write_text("x" * 10)
    gone = rotate(file, policy, dry=True)
    assert (gone.items, gone.bytes) == (2, 20)
    assert len(os.listdir(tmp_path)) == 6
    assert rotate(file, policy) == gone
    assert sorted(os.listdir(tmp_path)) == ["oad.log", "oad.log.1", "oad.log.gz", "other"]


def test_without_a_file_nothing_happens(tmp_path: Path) -> None:
    assert rotate(tmp_path / "oad.log", StoragePolicy()).items == 0
