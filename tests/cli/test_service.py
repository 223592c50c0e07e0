"""On an image, where nothing is started; tests/e2e/service has a real systemd."""

import os
from pathlib import Path

import pytest

from oad.cli.service import ServiceOptions, install, status, uninstall


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceOptions:
    monkeypatch.setattr("sys.argv", ["/bin/true"])  # any program that is there
    return ServiceOptions(root=tmp_path)


def test_installs_checks_and_removes(image: ServiceOptions, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(image) == 1
    assert install(image) == 0
    assert status(image) == 0
    unit, settings = image.root / "etc/systemd/system/oad.service", image.root / "etc/oad/oad.toml"
    assert "ExecStart=/bin/true unit daemon" in unit.read_text()
    assert unit.stat().st_mode & 0o777 == 0o644
    capsys.readouterr()
    assert uninstall(image) == 0
    assert [file for file in image.root.rglob("*") if file.is_file()] == [settings]


def test_what_the_administrator_changed_is_kept(image: ServiceOptions, capsys: pytest.CaptureFixture[str]) -> None:
    install(image)
    unit, settings = image.root / "etc/systemd/system/oad.slice", image.root / "etc/oad/oad.toml"
    unit.write_text("# mine")
    settings.write_text("# mine too")
    assert status(image) == 1
    assert f"{unit}: different" in capsys.readouterr().out
    uninstall(image)
    assert (unit.read_text(), settings.read_text()) == ("# mine", "# mine too")
    assert f"kept     {unit}: it was changed" in capsys.readouterr().out
    install(image)  # an upgrade: units are ours, settings are not
    assert unit.read_text() != "# mine"
    assert settings.read_text() == "# mine too"


@pytest.mark.skipif(Path("/run/systemd/system").is_dir() and os.geteuid() == 0, reason="here it could be installed")
def test_refuses_where_it_can_not_work(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/true"])
    assert install(ServiceOptions()) == 1
    reason = "installed by root" if os.geteuid() else "systemd does not run here"
    assert reason in capsys.readouterr().err


def test_a_program_in_a_home_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/true"])
    monkeypatch.setattr("oad.cli.service._PRIVATE", ("/bin/", "/usr/"))
    assert install(ServiceOptions()) == 1
    assert "install oad in /opt or /usr/local" in capsys.readouterr().err


def test_for_one_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/true"])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    options = ServiceOptions(scope="user", root=Path("/nowhere"))
    assert install(options) == 0
    assert "ExecStart=/bin/true serve" in (tmp_path / "systemd/user/oad.service").read_text()
    assert (tmp_path / "oad/oad.toml").exists()
    assert uninstall(options) == 0
    assert not (tmp_path / "systemd/user/oad.service").exists()
