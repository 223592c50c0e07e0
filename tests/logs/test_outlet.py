import logging
import os
from pathlib import Path

import pytest

from oad.logs import outlet
from oad.logs.outlet import Outlet, is_journal, to_stderr
from oad.logs.repeats import Repeats


def record(message: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("oad.x", level, "", 0, message, (), None)


def test_lines_go_to_every_sink_whatever_befalls_another() -> None:
    taken: list[tuple[int, bytes]] = []

    def full(level: int, line: bytes) -> None:
        raise OSError("disk full")

    handler = Outlet([full, lambda level, line: taken.append((level, line))], Repeats(2))
    handler.handle(record("ä\udcff", logging.ERROR))
    assert taken == [(logging.ERROR, "ä?\n".encode())]


def test_what_is_said_again_and_again_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    now = [0.0]
    monkeypatch.setattr(outlet.time, "monotonic", lambda: now[0])
    handler = Outlet([lambda level, line: taken.append(line)], Repeats(2))
    for _ in range(5):
        handler.handle(record("same"))
        handler.handle(record({"event": "other"}))
    now[0] = 11
    handler.handle(record("same"))
    handler.handle(record({"event": "other"}))
    assert taken[-2:] == [b"same (3 like it held back)\n", b"{'event': 'other', 'held_back': 3}\n"]
    assert len(taken) == 6


def test_the_journal_is_told_the_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stream"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    monkeypatch.setattr(outlet, "_STDERR", descriptor)
    found = os.fstat(descriptor)
    journal = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
    for environment, level in ((journal, logging.WARNING), (journal, logging.DEBUG), ({}, logging.ERROR)):
        to_stderr(environment)(level, b"line\n")
    os.close(descriptor)
    assert path.read_bytes() == b"<4>line\n<7>line\nline\n"


def test_another_stream_is_no_journal() -> None:
    read, write = os.pipe()
    found = os.fstat(read)
    try:
        assert is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, read)
        assert not is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}, read)
        assert not is_journal({"JOURNAL_STREAM": "nonsense"}, read)
        assert not is_journal({}, read)
    finally:
        os.close(read)
        os.close(write)
    assert not is_journal({"JOURNAL_STREAM": "1:1"}, write)
