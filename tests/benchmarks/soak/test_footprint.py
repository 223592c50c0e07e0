import os
from pathlib import Path

import pytest

from benchmarks.soak.footprint import kind_of, take


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("oad serve http://127.0.0.1:4096", "parent"),
        ("oad-daemon", "oad-daemon"),
        ("oad-session ses_12ab worker", "session worker"),
        ("oad-session ses_12ab call 17", "session call"),
        ("oad-session pty_12ab init", "terminal init"),
        ("oad-session /srv/project worker", "directory worker"),
        ("sleep 60", "command"),
    ],
)
def test_titles(title: str, kind: str) -> None:
    assert kind_of(title) == kind


def test_what_a_process_and_its_data_take(tmp_path: Path) -> None:
    (tmp_path / "oad.db").write_bytes(b"x" * 2**20)
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit.jsonl").write_bytes(b"x" * 2**20)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "left").write_text("over")
    found = take([os.getpid(), 2**22 + 1], tmp_path)  # the second one is nobody's number
    (mine,) = found.kinds.values()
    assert (mine.count, mine.threads > 0, mine.descriptors > 3) == (1, True, True)
    assert 10 < mine.memory_mb < 2000
    assert found.store_mb() == pytest.approx(1.0, abs=0.1)
    assert found.rotated_mb() == pytest.approx(1.0, abs=0.1)
    assert found.other_files() == 1
