import os
from pathlib import Path

from oad.contract.policy import StoragePolicy
from oad.daemon.disk_use import DiskUse
from oad.daemon.old_outputs import OutputFile, choose_old, list_outputs, remove_outputs

NOW = 10_000_000.0
DAY = 86_400


def a_file(name: str, megabytes: int = 1, days: float = 1) -> OutputFile:
    return OutputFile("ses_a", "tool-output", name, megabytes << 20, NOW - days * DAY)


def chosen(*files: OutputFile, **policy: int) -> list[str]:
    return sorted(file.name for file in choose_old(files, StoragePolicy(**policy), NOW))


def test_what_is_too_old_goes() -> None:
    assert chosen(a_file("new"), a_file("old", days=31)) == ["old"]
    assert chosen(a_file("new"), a_file("old", days=3), output_days=2) == ["old"]


def test_the_oldest_go_until_there_is_room() -> None:
    files = [a_file(str(day), megabytes=4, days=day) for day in range(1, 6)]
    assert chosen(*files, output_mb=20) == []
    assert chosen(*files, output_mb=10) == ["3", "4", "5"]


def test_what_was_just_written_stays() -> None:
    assert chosen(a_file("new", megabytes=100, days=0.001), a_file("old"), output_mb=1) == ["old"]


def test_files_of_sessions_alone_are_found_and_removed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    for place in ("ses_a1/tool-output", "ses_a1/jobs", "ses_a1/tmp", "ses_b1", "other/tool-output"):
        (scratch / place).mkdir(parents=True)
        (scratch / place / "file").write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (scratch / "ses_b1/tool-output").symlink_to(outside)
    (scratch / "ses_c1").symlink_to(scratch / "ses_a1")
    (scratch / "ses_a1/jobs/link").symlink_to(outside / "kept")
    found = list_outputs(scratch)
    assert sorted((file.scratch, file.folder, file.name) for file in found) == [
        ("ses_a1", "jobs", "file"),
        ("ses_a1", "tool-output", "file"),
    ]
    assert remove_outputs(scratch, found).items == 2
    assert remove_outputs(scratch, found) == DiskUse()
    assert sorted(os.listdir(scratch / "ses_a1/jobs")) == ["link"]
    assert (outside / "kept").exists()
    assert list_outputs(tmp_path / "nowhere") == []
