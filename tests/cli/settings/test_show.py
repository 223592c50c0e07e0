import json
import tomllib
from pathlib import Path

import msgspec

from oad.cli.settings.load import Loaded, Sources, find_sources, load_settings, parse_settings
from oad.cli.settings.show import as_json, as_toml, list_settings, write_value

OAUTH = """\
[[oauth.my-corp]]
label = 'a "b"'
token_url = "https://user:hunter2@corp.test/token"
authorize_url = "https://corp.test"
client_id = "oad"
[oauth.my-corp.parameters]
client_secret = "hunter3"
"""


def load(place: Path, text: str, *options: str) -> Loaded:
    (place / "oad.toml").write_text(text)
    sources = find_sources(place / "oad.toml", {"XDG_CONFIG_HOME": str(place)}, parse_settings(options))
    return load_settings(sources)


def test_what_is_written_means_the_same_when_read(tmp_path: Path) -> None:
    found = load(tmp_path, '[network]\nmode = "allow"\nallow = ["a.test"]\n', "limits.cost=0.5", "share.url=http://x")
    again = tmp_path / "again.toml"
    for origins in (False, True):
        again.write_text("\n".join(as_toml(list_settings(found), origins=origins)))
        assert (
            load_settings(Sources(again, required=True, environment={"XDG_CONFIG_HOME": "/"})).settings
            == found.settings
        )


def test_origins(tmp_path: Path) -> None:
    shown = list_settings(load(tmp_path, "[server]\nport = 5\n", "limits.sessions=2"))
    lines = {line.split(" =")[0]: line.partition("  # ")[2] for line in as_toml(shown, origins=True)}
    assert lines["port"] == f"{tmp_path}/oad.toml:2"
    assert (lines["sessions"], lines["gateways"], lines["# cost"]) == ("--set", "default", "default")


def test_json(tmp_path: Path) -> None:
    shown = list_settings(load(tmp_path, "[server]\nport = 5\n"))
    plain = json.loads(as_json(shown, origins=False))
    assert (plain["server.port"], plain["limits.cost"], plain["sandbox.level"]) == (5, None, "namespaces")
    assert json.loads(as_json(shown, origins=True))["server.port"] == {
        "value": 5,
        "origin": [{"kind": "file", "place": f"{tmp_path}/oad.toml", "line": 2}],
    }


def test_secrets_are_masked(tmp_path: Path) -> None:
    shown = list_settings(load(tmp_path, OAUTH))
    texts = ["\n".join(as_toml(shown, origins=True)), as_json(shown, origins=False)]
    for text in texts:
        assert "hunter" not in text
    (method,) = tomllib.loads(texts[0])["oauth"]["my-corp"]
    assert (method["label"], method["token_url"]) == ('a "b"', "********")
    assert method["parameters"] == {"client_secret": "********"}


def test_values() -> None:
    value = {"a b": ["x", 1, 2.5, True, {}], "c": {"d": "é\n"}}
    assert tomllib.loads(f"v = {write_value(value)}")["v"] == msgspec.to_builtins(value)
