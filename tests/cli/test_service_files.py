from pathlib import Path

from oad.cli.service_files import ENABLED, PROGRAM, SYSTEM_UNITS, USER_UNITS, system_files, user_files

ROOT = Path(__file__).parents[2]


def test_every_shipped_unit_is_installed() -> None:
    assert {*SYSTEM_UNITS} == {file.name for file in (ROOT / "systemd/system").iterdir()}
    assert {*USER_UNITS} == {file.name for file in (ROOT / "systemd/user").iterdir()}
    assert {*ENABLED["system"]} <= {*SYSTEM_UNITS}


def test_units_start_the_program_that_installs_them(tmp_path: Path) -> None:
    for file in [*system_files(tmp_path, "/opt/oad/bin/oad"), *user_files(tmp_path, "/opt/oad/bin/oad")]:
        assert f"={PROGRAM} " not in file.content
        if file.path.suffix == ".service":
            assert "ExecStart=/opt/oad/bin/oad " in file.content


def test_the_shipped_settings_allow_listed_hosts_only(tmp_path: Path) -> None:
    settings = next(file for file in system_files(tmp_path, PROGRAM) if file.kept)
    assert settings.path == tmp_path / "etc/oad/oad.toml"
    assert 'mode = "allow"' in settings.content


def test_a_file_knows_its_state(tmp_path: Path) -> None:
    file = next(system_files(tmp_path, PROGRAM))
    assert file.state() == "missing"
    file.path.parent.mkdir(parents=True)
    file.path.write_text(file.content)
    assert file.state() == "current"
    file.path.write_text("changed")
    assert file.state() == "different"
