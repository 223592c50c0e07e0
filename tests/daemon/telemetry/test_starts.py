from pathlib import Path

from oad.daemon.telemetry.starts import NAME, forget_starts, note_start


def test_counts_until_it_is_forgotten(tmp_path: Path) -> None:
    assert [note_start(tmp_path) for _ in range(3)] == [0, 1, 2]
    forget_starts(tmp_path)
    forget_starts(tmp_path)
    assert note_start(tmp_path) == 0


def test_nonsense_counts_as_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("x")
    assert [note_start(tmp_path) for _ in range(2)] == [0, 1]
