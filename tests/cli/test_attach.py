import os
from pathlib import Path

import pytest

from oad.cli.attach import attach
from oad.cli.target_options import TargetOptions


class Replaced(Exception):
    """The process would be another program now."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "bin" / "opencode"
    file.parent.mkdir()
    file.touch(0o755)
    monkeypatch.setenv("PATH", str(file.parent))
    monkeypatch.setenv("OPENCODE_SERVER_PASSWORD", "secret")
    return file


def test_becomes_the_client_with_the_credential_out_of_sight(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(path: str, command: list[str], environment: dict[str, str]) -> None:
        assert (path, command) == (str(program), ["opencode", "attach", "http://x:1", "--dir", "/d"])
        assert environment["OPENCODE_SERVER_PASSWORD"] == "secret"
        raise Replaced

    monkeypatch.setattr(os, "execve", replace)
    with pytest.raises(Replaced):
        attach(TargetOptions("http://x:1", data_dir=tmp_path), "/d")


def test_says_how_to_get_the_client(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program.unlink()
    assert attach(TargetOptions("http://x:1", data_dir=tmp_path), None) == 1
    assert "npm install -g opencode-ai" in capsys.readouterr().err


def test_says_that_no_server_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attach(TargetOptions(data_dir=tmp_path), None) == 3
    assert "no server runs on" in capsys.readouterr().err
