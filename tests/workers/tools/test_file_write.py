import errno
import os
from pathlib import Path

import pytest

from oad.workers.tools import file_write
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder


async def test_replaces_through_links_and_keeps_the_mode(recorder: Recorder) -> None:
    target = recorder.root / "proj/run.sh"
    target.write_text("old")
    target.chmod(0o750)
    link = recorder.root / "proj/link"
    link.symlink_to(target)
    before = target.stat().st_ino
    await file_write.write_file(recorder.context(), link, b"new", outside=False)
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o750
    assert target.stat().st_ino != before
    assert sorted(p.name for p in target.parent.iterdir()) == ["link", "run.sh", "src"]


async def test_second_names_stay_names_of_the_same_file(recorder: Recorder) -> None:
    one, two = recorder.root / "proj/one", recorder.root / "proj/two"
    one.write_text("old and long")
    os.link(one, two)
    await file_write.write_file(recorder.context(), one, b"new", outside=False)
    assert two.read_text() == "new"


def deny(path: Path, data: bytes, mode: int | None) -> None:
    raise OSError(errno.EACCES, "Permission denied")


async def test_what_the_worker_may_not_write_goes_through_the_broker(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_write, "_replace", deny)
    path = recorder.root / "else where/deep/$(x).txt"
    await file_write.write_file(recorder.context(), path, b"a\0b", outside=True)
    assert path.read_bytes() == b"a\0b"


async def test_inside_a_denial_is_an_error(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_write, "_replace", deny)
    with pytest.raises(ToolFailed, match="Permission denied"):
        await file_write.write_file(recorder.context(), recorder.root / "proj/x", b"x", outside=False)
    assert recorder.exec.commands == []


async def test_a_failing_broker_write_says_why(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_write, "_replace", deny)
    with pytest.raises(ToolFailed, match=r"(?i)is a directory"):
        await file_write.write_file(recorder.context(), recorder.root / "proj/src", b"x", outside=True)


async def test_remove(recorder: Recorder) -> None:
    path = recorder.root / "proj/src/a.txt"
    await file_write.remove_file(recorder.context(), path, outside=False)
    assert not path.exists()
    with pytest.raises(ToolFailed):
        await file_write.remove_file(recorder.context(), path, outside=False)
