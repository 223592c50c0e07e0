import os
from pathlib import Path

from oad.daemon.old_logs import remove_old_logs


def test_what_is_beyond_the_number_goes(tmp_path: Path) -> None:
    file = tmp_path / "oad.log"
    for name in ("oad.log", "oad.log.1", "oad.log.2", "oad.log.7", "oad.log.gz", "other.log.9"):
        (tmp_path / name).write_text("x" * 10)
    gone = remove_old_logs(file, 1, dry=True)
    assert (gone.items, gone.bytes) == (2, 20)
    assert len(os.listdir(tmp_path)) == 6
    assert remove_old_logs(file, 1) == gone
    assert sorted(os.listdir(tmp_path)) == ["oad.log", "oad.log.1", "oad.log.gz", "other.log.9"]
    assert remove_old_logs(tmp_path / "none/oad.log", 1).items == 0
