from pathlib import Path
from typing import Any

import pytest

from oad.cli.settings.shared_file import read_shared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "opencode").mkdir()
    return tmp_path / "opencode"


def values(folder: Path) -> dict[str, Any]:
    layer = read_shared({"XDG_CONFIG_HOME": str(folder.parent)})
    assert layer.problems == []
    return {name: value for (_, name), (value, _) in layer.values.items()}


def test_what_is_said_of_the_server(folder: Path) -> None:
    (folder / "opencode.json").write_text('{"server": {"port": 5000, "hostname": "::1", "cors": ["http://b"]}}')
    (folder / "config.json").write_text('{"logLevel": "DEBUG", "server": {"port": 1}}')
    assert values(folder) == {"port": 5000, "hostname": "::1", "cors": ["http://b"], "log_level": "debug"}
    (folder / "opencode.json").write_text('{"server": {"mdns": true, "mdnsDomain": "here.local"}}')
    assert values(folder)["mdns"] is True
    assert values(folder)["mdns_domain"] == "here.local"
    (folder / "opencode.jsonc").write_text('{"server": {"cors": {"origin": "http://c"}}} // and so on')
    assert values(folder)["cors"] == ["http://c"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"server": 1}', '{"server": {"port": true, "cors": 1, "hostname": 2}, "logLevel": "loud"}']
)
def test_what_is_unusable_is_left_out(folder: Path, text: str) -> None:
    (folder / "opencode.jsonc").write_text(text)
    assert values(folder) == {}
