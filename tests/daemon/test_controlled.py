from pathlib import Path

import pytest

from oad.contract.worker import Run
from oad.daemon.controlled import controlled


def request(program: str, path: Path) -> Run:
    return Run(1, [program, "-x"], "/", {"PATH": str(path)}, terminal=True)


def test_a_program_is_named_by_where_it_is(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.touch(0o755)
    line = controlled(request("tool", tmp_path))
    assert line[0].endswith("/setsid")
    assert line[1:] == ["-c", str(program), "-x"]
    assert controlled(request(str(program), Path("/none")))[2:] == [str(program), "-x"]


def test_what_can_not_be_executed_is_found_out_before(tmp_path: Path) -> None:
    (tmp_path / "text").touch(0o644)
    with pytest.raises(PermissionError):
        controlled(request(str(tmp_path / "text"), tmp_path))
    for program in ("nothing", str(tmp_path / "nothing"), ""):
        with pytest.raises(FileNotFoundError):
            controlled(request(program, tmp_path))


def test_without_setsid_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="setsid"):
        controlled(request("tool", tmp_path))
