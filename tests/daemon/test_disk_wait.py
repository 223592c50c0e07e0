import errno
import tempfile
from pathlib import Path
from typing import Any

import pytest

from oad.daemon import disk_wait
from oad.daemon.ballast import Ballast
from oad.daemon.disk_wait import await_disk
from oad.service_manager import ServiceManager


class Disk:
    """``troubles``: what the next attempts to write fail with."""

    def __init__(self, *troubles: int) -> None:
        self.troubles = list(troubles)
        self.pauses = 0

    def open(self, **options: Any) -> Any:
        if self.troubles:
            raise OSError(self.troubles.pop(0), "no")
        return tempfile.SpooledTemporaryFile()

    def pause(self, seconds: float) -> None:
        self.pauses += 1


def wait_for(disk: Disk, data: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many pauses it took."""
    monkeypatch.setattr(disk_wait.tempfile, "TemporaryFile", disk.open)
    monkeypatch.setattr(disk_wait.time, "sleep", disk.pause)
    await_disk(data, ServiceManager())
    assert disk.troubles == []
    return disk.pauses


def test_a_disk_that_can_be_written_is_not_waited_for(tmp_path: Path) -> None:
    await_disk(tmp_path, ServiceManager())
    assert list(tmp_path.iterdir()) == []


def test_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait_for(Disk(errno.EROFS, errno.EROFS, errno.ENOSPC), tmp_path, monkeypatch) == 3


def test_the_ballast_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ballast(tmp_path).lay(1)
    assert wait_for(Disk(errno.ENOSPC), tmp_path, monkeypatch) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_waiting_does_not_mend_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait_for(Disk(errno.EACCES), tmp_path, monkeypatch) == 0
