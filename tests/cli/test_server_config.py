import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from oad.cli.server_config import BadConfig, ServerConfig, load_server_config
from oad.contract.forwarding import Forwarding
from oad.contract.policy import Policy, SandboxPolicy


@pytest.fixture(autouse=True)
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "opencode").mkdir()
    return tmp_path / "opencode"


def test_without_files_nothing_is_set() -> None:
    assert load_server_config(None) == (ServerConfig(), Policy())


def test_the_own_file_wins_and_origins_add_up(tmp_path: Path, config_home: Path) -> None:
    (config_home / "opencode.json").write_text('{"server": {"port": 5000, "hostname": "::1", "cors": ["http://b"]}}')
    own = tmp_path / "oad.toml"
    own.write_text('[server]\nport = 6000\ncors = ["http://a"]\ngateways = 2\n')
    found, _ = load_server_config(own)
    assert (found.port, found.hostname, found.cors, found.gateways) == (6000, "::1", ["http://a", "http://b"], 2)


def test_reverse_proxies(tmp_path: Path) -> None:
    own = tmp_path / "oad.toml"
    own.write_text('[server]\nbase_path = "/oad/"\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8", "unix"]\n')
    found, _ = load_server_config(own)
    assert found.forwarding() == Forwarding("/oad", ("127.0.0.1", "10.0.0.0/8", "unix"))
    assert not ServerConfig().forwarding()


@pytest.mark.parametrize(("text", "level"), [('"DEBUG"', "debug"), ('"loud"', None), ("5", None)])
def test_the_level_of_the_log(config_home: Path, tmp_path: Path, text: str, level: str | None) -> None:
    (config_home / "opencode.json").write_text('{"server": {"port": 5000}}')
    (config_home / "config.json").write_text(f'{{"logLevel": {text}}}')
    found, _ = load_server_config(None)
    assert (found.log_level, found.port) == (level, 5000)
    own = tmp_path / "oad.toml"
    own.write_text('[server]\nlog_level = "error"\n')
    assert load_server_config(own)[0].log_level == "error"


@pytest.mark.parametrize(
    "text",
    ["[server]\nport = 70000\n", "[server]\nunknown = 1\n", "[server]\ngateways = 0\n", "port = = 1", "[serve]"]
    + [
        "[server]\n" + line
        for line in (
            'base_path = "oad"',
            'base_path = "/a b"',
            'trusted_proxies = ["nginx"]',
            'forwarded_headers = "all"',
        )
    ],
)
def test_a_mistake_in_the_own_file_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "oad.toml"
    own.write_text(text)
    with pytest.raises(BadConfig, match=str(own)):
        load_server_config(own)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="No such file"):
        load_server_config(tmp_path / "none.toml")


@pytest.mark.parametrize("text", ["{", "[]", '{"server": 1}', '{"server": {"port": true, "cors": 1, "hostname": 2}}'])
def test_what_is_unusable_in_the_shared_file_is_left_out(config_home: Path, text: str) -> None:
    (config_home / "opencode.jsonc").write_text(text)
    assert load_server_config(None) == (ServerConfig(), Policy())


def test_the_file_for_the_service_is_read_and_opens_nothing_by_itself() -> None:
    _, policy = load_server_config(Path(__file__).parents[2] / "configs" / "oad.toml")
    assert (policy.network.mode, policy.network.allow) == ("allow", ())


def test_an_allow_list_with_an_entry_that_means_nothing(tmp_path: Path) -> None:
    file = tmp_path / "oad.toml"
    file.write_text('[network]\nmode = "allow"\nallow = ["http://a.test"]\n')
    with pytest.raises(BadConfig, match=r"allow.*a\.test"):
        load_server_config(file)


SHIPPED = Path(__file__).parents[2] / "configs/oad.toml"


def test_the_shipped_file_can_be_read(config_home: Path) -> None:
    load_server_config(SHIPPED)


def test_what_is_commented_out_in_the_shipped_file_are_the_defaults() -> None:
    section = SHIPPED.read_text().partition("[sandbox]\n")[2].partition("\n[")[0]
    lines = [line.removeprefix("# ") for line in section.splitlines() if re.match(r"# (\w+ = |  \"|\])", line)]
    given = tomllib.loads("\n".join(lines))
    assert set(given) == set(SandboxPolicy.__struct_fields__)
    assert msgspec.convert(given, SandboxPolicy) == SandboxPolicy()
