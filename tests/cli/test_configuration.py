import json
from pathlib import Path

import pytest

from oad.cli import configuration
from oad.cli.configuration import check, show
from oad.cli.settings import load
from oad.daemon.enforceable import HostFacts


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(load, "SYSTEM_FILE", tmp_path / "etc/oad.toml")
    return tmp_path / "oad.toml"


def test_nothing_is_wrong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("[server]\nport = 1\n")
    assert check(file, ["limits.sessions=1"]) == 0
    assert capsys.readouterr() == ("", "")


def test_each_problem_is_a_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("[server]\nport = -1\n\nprot = 2\n")
    assert check(file, ["limits.sessions=x"]) == 2
    out, error = capsys.readouterr()
    assert [line.partition(": ")[0] for line in out.splitlines()] == [f"{file}:2", f"{file}:4", "--set"]
    assert error == ""


def test_what_this_host_can_not_keep(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "probe_host", lambda: HostFacts({"memory_mb": "too old", "cpu": "too old"}))
    file.write_text("[limits]\n\nmemory_mb = 100\n")
    assert check(file, ()) == 2
    assert capsys.readouterr().out == f"{file}:3: limits.memory_mb: can't be enforced on this host: too old\n"


def test_showing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("[server]\nport = 7\n")
    assert show(file, (), as_json=True, origin=False) == 0
    assert json.loads(capsys.readouterr().out)["server.port"] == 7
    assert show(file, (), as_json=False, origin=True) == 0
    assert f"# {file}:2\n" in capsys.readouterr().out


def test_what_is_wrong_can_not_be_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(file, (), as_json=False, origin=False) == 2
    assert capsys.readouterr().err == f"oad: {file}: No such file or directory\n"


def test_the_configuration_of_a_directory(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file.write_text("[server]\nport = -1\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "opencode.json").write_text('{\n"model": 5\n}')
    assert check(file, (), project) == 2
    out = capsys.readouterr().out
    assert [line.partition(": ")[0] for line in out.splitlines()] == [f"{file}:2", f"{project}/opencode.json:2"]
    file.write_text("")
    (project / "opencode.json").write_text("{}")
    assert check(file, (), project) == 0
