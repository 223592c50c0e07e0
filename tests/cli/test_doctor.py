from pathlib import Path

import msgspec
import pytest

from oad.cli import doctor
from oad.cli.doctor import Findings, examine
from oad.daemon.doctor import Probe

PROBES = [Probe("landlock", True, "ABI 7"), Probe("bwrap", False, step="not found", remedy="install bubblewrap")]

SANDBOX = Probe("sandbox namespaces workspace", True)


def set_host(monkeypatch: pytest.MonkeyPatch, level: str, weakness: str) -> None:
    monkeypatch.setattr(doctor, "find_level", lambda: (level, weakness))
    monkeypatch.setattr(doctor, "examine_host", lambda: PROBES)
    monkeypatch.setattr(doctor, "probe_profiles", lambda policy: [SANDBOX])


def test_names_what_is_missing_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_host(monkeypatch, "subreaper", "unshare: Operation not permitted")
    assert examine(as_json=False) == 1
    out = capsys.readouterr().out
    assert "ok       landlock (ABI 7)" in out
    assert "missing  bwrap: not found\n         to have it: install bubblewrap" in out
    assert "level: subreaper, the weaker one (unshare: Operation not permitted)" in out


def test_the_full_level_is_status_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    set_host(monkeypatch, "pidns", "")
    assert examine(as_json=True) == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=Findings).probes == [*PROBES, SANDBOX]


def test_a_sandbox_that_cannot_be_enforced_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_host(monkeypatch, "pidns", "")
    failing = Probe("sandbox namespaces workspace", False, step="bwrap: not found", remedy="install bubblewrap")
    monkeypatch.setattr(doctor, "probe_profiles", lambda policy: [failing])
    assert examine(as_json=False) == 1
    assert "refused: sandbox namespaces workspace. Sessions run nothing under it." in capsys.readouterr().out


def test_a_configuration_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert examine(as_json=False, config=tmp_path / "none.toml") == 2
    assert "none.toml" in capsys.readouterr().err
