import os
from pathlib import Path

import pytest

from oad.cli.server_config import Settings
from oad.cli.settings import load
from oad.cli.settings.layers import Option
from oad.cli.settings.load import Loaded, Sources, find_sources, load_settings, parse_settings
from oad.cli.settings.origin import BadConfig


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own files take part, nor the host's."""
    monkeypatch.setattr(load, "SYSTEM_FILE", tmp_path / "etc/oad.toml")
    return tmp_path


def loaded(place: Path, *options: str, **environment: str) -> Loaded:
    sources = find_sources(place / "oad.toml", {"XDG_CONFIG_HOME": str(place), **environment}, parse_settings(options))
    return load_settings(sources)


def origin(found: Loaded, section: str, name: str) -> str:
    return " + ".join(map(str, found.origins_of((section, name))))


def test_without_anything_there_are_the_defaults(tmp_path: Path) -> None:
    found = load_settings(find_sources(None, {"XDG_CONFIG_HOME": str(tmp_path)}))
    assert (found.settings, found.origins) == (Settings(), {})
    assert origin(found, "server", "port") == "default"


def test_each_place_wins_over_those_before_it(tmp_path: Path) -> None:
    (tmp_path / "opencode").mkdir()
    (tmp_path / "opencode/opencode.json").write_text('{"server": {"port": 1, "hostname": "::1"}}')
    file = tmp_path / "oad.toml"
    drop_ins = tmp_path / "oad.toml.d"
    drop_ins.mkdir()
    seen: list[tuple[int, str]] = []

    def look(*options: str, **environment: str) -> None:
        found = loaded(tmp_path, *options, **environment)
        assert found.settings.server.hostname == "::1"
        seen.append((found.settings.server.port, origin(found, "server", "port").removeprefix(f"{tmp_path}/")))

    file.write_text("")
    look()
    file.write_text("[limits]\nsessions = 1\n[server]\nport = 2\n")
    look()
    (drop_ins / "20-b.toml").write_text("\n[server]\nport = 4\n")
    (drop_ins / "10-a.toml").write_text("[server]\nport = 3\ngateways = 9\n")
    (drop_ins / "30-c.toml.off").write_text("nonsense")
    look()
    look(OAD_SERVER_PORT="5")
    look("server.port=6", OAD_SERVER_PORT="5")
    assert seen == [
        (1, "opencode/opencode.json"),
        (2, "oad.toml:4"),
        (4, "oad.toml.d/20-b.toml:3"),
        (5, "OAD_SERVER_PORT"),
        (6, "--set"),
    ]
    both = loaded(tmp_path).settings
    assert (both.server.gateways, both.limits.sessions) == (9, 1)


def test_origins_add_up(tmp_path: Path) -> None:
    (tmp_path / "oad.toml").write_text('[server]\ncors = ["http://a"]\n')
    found = loaded(tmp_path, "server.cors=http://c", OAD_SERVER_CORS="http://b")
    assert found.settings.server.cors == ("http://a", "http://b", "http://c")
    assert origin(found, "server", "cors") == f"{tmp_path}/oad.toml:2 + OAD_SERVER_CORS + --set"


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "oad.toml").write_text("[server\n")
    (tmp_path / "oad.toml.d").mkdir()
    (tmp_path / "oad.toml.d/a.toml").write_text("[limits]\nsessons = 1\n")
    with pytest.raises(BadConfig) as caught:
        loaded(tmp_path, "limits.cost=x", OAD_ASKS_WAIT_S="x")
    places = [str(problem.origin).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert places == ["oad.toml:1", "oad.toml.d/a.toml:2", "OAD_ASKS_WAIT_S", "--set"]
    assert len(str(caught.value).splitlines()) == 4


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"none\.toml: No such file"):
        load_settings(find_sources(tmp_path / "none.toml", {}))


def test_which_file_is_meant(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": "/nowhere", "A_TOKEN": "secret"}
    own, system = tmp_path / "config/oad/oad.toml", tmp_path / "etc/oad.toml"
    assert find_sources(None, environment) == Sources(environment={"XDG_CONFIG_HOME": str(tmp_path / "config")})
    (tmp_path / "etc/oad.toml.d").mkdir(parents=True)
    assert find_sources(None, environment).file == system
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_sources(None, environment).file == own
    assert find_sources(None, environment, service=True).file == system
    assert find_sources(Path("x.toml"), environment, service=True).file == Path("x.toml").absolute()


def test_drop_ins_alone(tmp_path: Path) -> None:
    (tmp_path / "etc/oad.toml.d").mkdir(parents=True)
    (tmp_path / "etc/oad.toml.d/a.toml").write_text("[limits]\nsessions = 1\n")
    found = load_settings(find_sources(None, {"XDG_CONFIG_HOME": str(tmp_path)}, service=True))
    assert found.settings.limits.sessions == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "oad.toml").touch(mode=0)
    with pytest.raises(BadConfig, match="Permission denied"):
        loaded(tmp_path)


@pytest.mark.parametrize("text", ["", "a.b", "a=b", "=x"])
def test_settings_on_the_command_line_have_a_form(text: str) -> None:
    with pytest.raises(BadConfig, match=r"SECTION\.KEY=VALUE"):
        parse_settings([text])


def test_settings_on_the_command_line() -> None:
    assert parse_settings(["share.url=http://a/?b=c.d"]) == [Option("--set", ("share", "url"), "http://a/?b=c.d")]
