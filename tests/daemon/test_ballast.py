import os
from pathlib import Path

import pytest

from oad.daemon.ballast import Ballast


def test_it_takes_room_and_gives_it_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    assert (ballast.mb(), ballast.release()) == (0, False)
    ballast.lay(2)
    (file,) = tmp_path.iterdir()
    assert (ballast.mb(), file.stat().st_blocks * 512, file.stat().st_mode & 0o777) == (2, 2 << 20, 0o600)
    ballast.lay(1)
    assert (ballast.mb(), file.stat().st_blocks * 512) == (1, 1 << 20)
    assert ballast.release()
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_laid_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="No space"):
        Ballast(tmp_path).lay(1)
    assert list(tmp_path.iterdir()) == []
