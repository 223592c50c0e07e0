from pathlib import Path

import pytest

from oad.cli.monitor import log_source
from oad.cli.monitor.log_source import NoLog, read_files, read_journal
from oad.logs.rotation import LogFile, rotate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oad.log"


def test_reads_the_oldest_first(path: Path) -> None:
    file = LogFile(path)
    for text in (b"one\n", b"two\n", b"three\n"):
        file.write(text)
        rotate(path, 0, 5)
    file.write(b"four\n")
    assert [line.strip() for line in read_files(path, follow=False)] == ["one", "two", "three", "four"]


def test_no_log_is_said(path: Path) -> None:
    with pytest.raises(NoLog, match="no log at"):
        list(read_files(path, follow=False))


@pytest.mark.parametrize("how", ["rotated", "rotated and as long again", "moved", "gone"])
def test_follows_through_a_rotation(path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [b"second\n", b"third\nfou", b"rth\n", b"fifth\n"]
    file = LogFile(path)
    file.write(b"first\n")

    def pause(_: float) -> None:
        """Something happens between two looks."""
        if not steps:
            raise KeyboardInterrupt
        file.write(steps.pop(0))
        if steps == [b"fifth\n"]:
            if how.startswith("rotated"):
                assert rotate(path, 0, 3)
                file.write(b"x" * 100 + b"\n" if how.endswith("again") else b"")
            else:
                path.rename(path.with_name("oad.log.1" if how == "moved" else "elsewhere"))
                file._reopen(close=True)

    monkeypatch.setattr(log_source.time, "sleep", pause)
    found: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        for line in read_files(path, follow=True):
            found.append(line)  # noqa: PERF402  what came before the interruption counts
    expected = ["first", "second", "third", "fourth", *(["x" * 100] if how.endswith("again") else []), "fifth"]
    if how == "gone":
        expected.remove("fourth")  # nobody can know where it went
    assert [line for line in found if line] == expected


def test_the_journal_is_asked_for_the_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "journalctl"
    program.write_text('#!/bin/sh\nfor each; do echo "$each"; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    asked = [line.strip() for line in read_journal(follow=False, user=True, since="2026-01-01 00:00:00")]
    assert {"--user", "--unit=oad.service", "--unit=oad-gateway@*.service", "--since", "2026-01-01 00:00:00"} <= set(
        asked
    )
    assert "--follow" not in asked
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(NoLog, match="status 3"):
        list(read_journal(follow=False, user=False))
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(NoLog, match="no journal"):
        list(read_journal(follow=False, user=False))
