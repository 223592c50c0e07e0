import os
import time
from pathlib import Path

import pytest

from oad.workers.config import watch as watch_module
from oad.workers.config.watch import Watch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is old enough to be trusted at once."""
    path = tmp_path / "file"
    path.write_text("one")
    newest = path.stat().st_ctime_ns + watch_module._SETTLING_NS
    while time.time_ns() <= newest:
        pass
    return path


def test_holds_while_nothing_changes(file: Path) -> None:
    watch = Watch({"A": "1"})
    assert watch.read(file) == b"one"
    assert watch.variable("A") == "1"
    assert watch.variable("B") == ""
    assert not watch.exists(file.parent / "missing")
    assert watch.holds()


def test_notices_a_changed_file(file: Path) -> None:
    watch = Watch({})
    watch.read(file)
    file.write_text("two")
    assert not watch.holds()


def test_notices_a_change_that_sets_the_modification_time_back(file: Path) -> None:
    watch = Watch({})
    watch.read(file)
    before = file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not watch.holds()


def test_notices_what_was_not_there(file: Path) -> None:
    watch = Watch({})
    assert watch.read(file.parent / "new") is None
    assert watch.holds()
    (file.parent / "new").write_text("")
    assert not watch.holds()


def test_existence_is_all_that_counts_where_only_that_was_asked(file: Path) -> None:
    watch = Watch({})
    assert watch.exists(file)
    assert not watch.exists(file.parent / "new")
    file.write_text("two")
    assert watch.holds()
    (file.parent / "new").write_text("")
    assert not watch.holds()


def test_notices_a_new_entry_and_a_removed_file(file: Path) -> None:
    listing, reading = Watch({}), Watch({})
    assert listing.names(file.parent) == ["file"]
    reading.read(file)
    file.unlink()
    assert not listing.holds()
    assert not reading.holds()


def test_notices_a_changed_variable(file: Path) -> None:
    environ = {"A": "1"}
    watch = Watch(environ)
    watch.read(file)
    watch.variable("A")
    watch.variable("B")
    environ["B"] = "2"
    assert not watch.holds()


def test_does_not_trust_what_was_written_just_now(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.write_text("x")
    watch = Watch({})
    watch.read(fresh)
    assert not watch.holds()


def test_a_fifo_and_a_directory_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    watch = Watch({})
    assert watch.read(tmp_path / "fifo") is None
    with pytest.raises(OSError, match="directory"):
        watch.read(tmp_path)


def test_an_oversized_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(watch_module._MAX_BYTES + 1)
    with pytest.raises(OSError, match="larger than"):
        Watch({}).read(tmp_path / "big")


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("", False)])
def test_flag(text: str, expected: bool) -> None:
    assert Watch({"F": text}).flag("F") is expected


def test_hostile_paths_are_missing() -> None:
    assert not Watch({}).exists("/tmp/\0x")
    assert Watch({}).names("/nonexistent/x") == []
