"""What the user's own opencode.json says of the server: the reference's clients configure it there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import pyjson5

from .keys import Key
from .layers import Layer, find_mistakes_at
from .origin import Origin

_NAMES: Final = ("opencode.jsonc", "opencode.json", "config.json")  # the first one that says something counts

_MDNS: Final = {"mdns": "mdns", "mdnsDomain": "mdns_domain"}


def read_shared(environment: Mapping[str, str]) -> Layer:
    """Only what is usable: other programs read it too, and what is wrong there the routes that need it tell."""
    layer = Layer()
    for file in reversed([config_home(environment) / "opencode" / name for name in _NAMES]):
        for key, value in _usable(_content(file)).items():
            if not list(find_mistakes_at(key, value)):
                layer.values[key] = value, Origin("opencode.json", str(file))
    return layer


def config_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _content(file: Path) -> dict[str, Any]:
    try:
        content: Any = pyjson5.decode(file.read_text())
    except (OSError, UnicodeDecodeError, pyjson5.Json5Exception):
        return {}
    return cast(dict[str, Any], content) if isinstance(content, dict) else {}


def _usable(content: dict[str, Any]) -> dict[Key, object]:
    found: dict[Key, object] = {}
    section: Any = content.get("server")
    if isinstance(section, dict):
        given = cast(dict[str, Any], section)
        found |= {("server", name): given[name] for name in ("hostname", "port") if given.get(name)}
        found |= {("server", ours): given[name] for name, ours in _MDNS.items() if name in given}
        if origins := _origins(given.get("cors")):
            found["server", "cors"] = origins
    if isinstance(level := content.get("logLevel"), str):
        found["server", "log_level"] = level.lower()
    return found


def _origins(cors: Any) -> list[str]:
    if isinstance(cors, dict):
        cors = cast(dict[str, Any], cors).get("origin")
    if isinstance(cors, str):
        return [cors]
    return [o for o in cast(list[object], cors) if isinstance(o, str)] if isinstance(cors, list) else []
