import os
from pathlib import Path

import pytest

from oad.cli.backing_up import back_up, restore
from oad.daemon.store import Store


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    Store(data / "oad.db").close()
    (data / "credential").write_text("secret\n")
    return data


def test_there_and_back(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, config = tmp_path / "b.tar.gz", tmp_path / "oad.toml"
    config.write_text("[storage]\nevents = 10\n")
    assert back_up(data, file, config, credentials=True, force=False) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{file}: ")
    assert [line.split()[-1] for line in out.splitlines()[1:]] == ["oad.db", "credential", "settings/oad.toml"]
    assert restore(tmp_path / "new", file, force=False) == 0
    assert "the state of" in capsys.readouterr().out
    assert (tmp_path / "new/credential").read_text() == "secret\n"
    assert (tmp_path / "new/settings-oad.toml").read_text() == config.read_text()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert restore(tmp_path / "new", file, force=False) == 1
    assert "--force replaces it" in capsys.readouterr().err
    assert restore(tmp_path / "new", file, force=True) == 0
    assert "what was there before is in" in capsys.readouterr().out


def test_every_reason_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(status: int) -> str:
        assert status == 1
        return capsys.readouterr().err

    file = tmp_path / "b"
    assert "there is no store in" in refused(back_up(tmp_path / "none", file, None, credentials=False, force=False))
    assert "No such file or directory" in refused(
        back_up(data, tmp_path / "no/b", None, credentials=False, force=False)
    )
    file.write_text("x")
    assert "--force replaces it" in refused(back_up(data, file, None, credentials=False, force=False))
    assert f"there is no file {tmp_path / 'c'}" in refused(restore(tmp_path / "new", tmp_path / "c", force=False))
    assert "can't restore" in refused(restore(tmp_path / "new", file, force=False))
    assert not (tmp_path / "new/oad.db").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_the_right_to_write(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert back_up(data, tmp_path / "closed/b", None, credentials=False, force=False) == 1
    assert "Permission denied" in capsys.readouterr().err
