import fcntl
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from oad.logs import rotation
from oad.logs.rotation import LogFile, files_of, rotate

LINES = 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "oad.log"


def test_the_content_moves_on_to_older_files(path: Path) -> None:
    file = LogFile(path)
    for text in (b"one\n", b"two\n", b"three\n", b"four\n"):
        file.write(text)
        assert rotate(path, 0, 2)
    assert [each.name for each in files_of(path)] == ["oad.log.2", "oad.log.1", "oad.log"]
    assert [each.read_bytes() for each in files_of(path)] == [b"three\n", b"four\n", b""]
    assert path.stat().st_mode & 0o777 == 0o600
    assert (path.parent / "oad.log.1").stat().st_mode & 0o777 == 0o600


def test_what_is_short_enough_stays(path: Path) -> None:
    LogFile(path).write(b"short\n")
    assert not rotate(path, 100, 2)
    assert files_of(path) == [path]


def _write_many(path: Path, number: int) -> None:
    file = LogFile(path)
    for line in range(LINES):
        file.write(b"%d %d %s\n" % (number, line, b"x" * 50))
        if line % 50 == 0:
            time.sleep(0.002)


def test_nothing_is_lost_while_several_processes_write(path: Path) -> None:
    pids: list[int] = []
    for number in range(3):
        if not (pid := os.fork()):
            _write_many(path, number)
            os._exit(0)
        pids.append(pid)
    rotations = 0
    running = set(pids)
    while running:
        rotations += path.exists() and rotate(path, 20_000, 100)
        running = {pid for pid in running if os.waitpid(pid, os.WNOHANG) == (0, 0)}
    lines = [line.split()[:2] for file in files_of(path) for line in file.read_text().splitlines()]
    assert rotations
    for number in range(3):
        assert [int(line) for who, line in lines if int(who) == number] == list(range(LINES))


def test_one_writer_that_hangs_stops_no_other_but_the_rotation(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_ROTATION_WAITS_S", 0.05)
    file = LogFile(path)
    file.write(b"first\n")
    with path.open("ab") as hanging:
        fcntl.flock(hanging, fcntl.LOCK_SH)
        assert not rotate(path, 0, 2)
        file.write(b"second\n")
    assert path.read_bytes() == b"first\nsecond\n"
    assert [each.name for each in path.parent.iterdir() if not each.name.startswith(".")] == ["oad.log"]


def test_a_rotation_that_hangs_stops_nobody(path: Path) -> None:
    file = LogFile(path)
    with path.open("ab") as hanging:
        fcntl.flock(hanging, fcntl.LOCK_EX)
        file.write(b"line\n")
    assert path.read_bytes() == b"line\n"


def test_a_file_that_was_moved_is_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_LOOK_S", 0.0)
    file = LogFile(path)
    file.write(b"old\n")
    moved = path.rename(path.with_name("oad.log.1"))
    file.write(b"new\n")
    assert (moved.read_bytes(), path.read_bytes()) == (b"old\n", b"new\n")
    path.unlink()
    file.write(b"again\n")
    assert path.read_bytes() == b"again\n"


def test_who_may_not_open_it_any_more_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_LOOK_S", 0.0)
    file = LogFile(path)
    moved = path.rename(path.with_name("oad.log.1"))

    def refuse(self: LogFile) -> int:
        raise PermissionError

    monkeypatch.setattr(LogFile, "_open", refuse)
    file.write(b"line\n")
    assert moved.read_bytes() == b"line\n"


def test_rotates_by_itself_in_the_background(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_LOOK_S", 0.0)
    file = LogFile(path, 10, 2, settle_s=0.0)
    file.write(b"more than ten bytes\n")
    file.write(b"next\n")
    for thread in threading.enumerate():
        if thread.name == "log rotation":
            thread.join(20)
    assert b"".join(each.read_bytes() for each in files_of(path)) == b"more than ten bytes\nnext\n"
    assert path.with_name("oad.log.1").exists()


def test_a_process_that_is_to_fork_has_no_thread_for_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_LOOK_S", 0.0)
    for file in (LogFile(path, 10, 2), LogFile(path, 0, 2, settle_s=0.0), LogFile(path, 10, 0, settle_s=0.0)):
        file.write(b"more than ten bytes\n")
        file.write(b"next\n")
    assert files_of(path) == [path]
    assert "log rotation" not in [thread.name for thread in threading.enumerate()]


def test_a_fork_opens_the_file_itself(path: Path) -> None:
    file = LogFile(path)
    file.write(b"parent\n")
    if not (pid := os.fork()):
        try:
            file.write(b"child\n")
            fcntl.flock(file._fd, fcntl.LOCK_EX)
            os.kill(os.getppid(), 0)
            os._exit(0 if len({os.fstat(fd).st_ino for fd in (file._fd,)}) == 1 else 1)
        finally:
            sys.exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    assert path.read_bytes() == b"parent\nchild\n"
