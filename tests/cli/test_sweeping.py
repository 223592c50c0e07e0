import json
from pathlib import Path

import pytest

from oad.cli.sweeping import size, sweep
from oad.cli.target_options import TargetOptions
from oad.daemon.store import Store


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (7 * 10**12, "7.0 TB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_without_data_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(TargetOptions(data_dir=tmp_path / "none"), None, dry=True, as_json=False) == 1
    assert capsys.readouterr().err == f"oad: there is no store in {tmp_path / 'none'}\n"
    assert not (tmp_path / "none").exists()


def test_without_a_server_it_works_on_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, config = tmp_path / "data", tmp_path / "oad.toml"
    Store(data / "oad.db").close()
    (data / "scratch/ses_gone").mkdir(parents=True)
    config.write_text("[storage]\nevents = 10\n")
    assert sweep(TargetOptions(data_dir=data), config, dry=True, as_json=False) == 0
    out = capsys.readouterr().out
    assert out.startswith("would be removed:\n")
    assert "working space" in out
    assert sweep(TargetOptions(data_dir=data), config, dry=False, as_json=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dryRun"] is False
    assert {each["kind"]: each["items"] for each in report["removed"] if each["items"]} == {"scratch": 1}


def test_wrong_settings_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(tmp_path / "oad.db").close()
    (tmp_path / "oad.toml").write_text("[storage]\nevents = 0\n")
    assert sweep(TargetOptions(data_dir=tmp_path), tmp_path / "oad.toml", dry=True, as_json=False) == 2
    assert "events" in capsys.readouterr().err


def test_a_server_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = TargetOptions(url="http://127.0.0.1:9", data_dir=tmp_path)
    assert sweep(options, None, dry=True, as_json=False) == 3
    assert "127.0.0.1:9" in capsys.readouterr().err
