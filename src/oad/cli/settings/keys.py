"""The keys that there are, and by what name each can be given."""

import typing
from typing import Any, Final

import msgspec

from ..server_config import Settings
from .shapes import suggest
from .toml_lines import Path

Key = tuple[str, str]  # section and name; in [oauth] the name is a provider's

SECTIONS: Final[dict[str, Any]] = {field.name: field.type for field in msgspec.structs.fields(Settings)}


def _is_open(section: str) -> bool:
    """Whether its keys are names of the operator's choice."""
    return typing.get_origin(SECTIONS[section]) is dict


KEYS: Final[dict[Key, msgspec.structs.FieldInfo]] = {
    (section, field.name): field
    for section, kind in SECTIONS.items()
    if not _is_open(section)
    for field in msgspec.structs.fields(kind)
}
# What other layers say is not replaced by a later one, but added to.
ADDED: Final = frozenset({("server", "cors")})
OPTIONS: Final[dict[Key, str]] = {
    ("server", "hostname"): "--hostname",
    ("server", "port"): "--port",
    ("server", "cors"): "--cors",
    ("server", "gateways"): "--gateways",
    ("server", "log_level"): "--log-level",
    ("server", "mdns"): "--mdns",
    ("server", "mdns_domain"): "--mdns-domain",
}


def type_of(key: Key) -> Any:
    """None where there is no such key."""
    section, name = key
    if section in SECTIONS and _is_open(section):
        return typing.get_args(SECTIONS[section])[1]
    return KEYS[key].type if (section, name) in KEYS else None


def variable_of(key: Key) -> str:
    return f"OAD_{key[0]}_{key[1]}".upper()


def dotted(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def complain_of(key: Key) -> str:
    """What to say of a key that does not exist."""
    section, name = key
    if section not in SECTIONS:
        return f"there is no section [{section}]{suggest(section, SECTIONS)}"
    elsewhere = [other for other, known in KEYS if known == name]
    if elsewhere:
        return f"there is no such key here, but in [{elsewhere[0]}]"
    return f"there is no such key{suggest(name, (known for other, known in KEYS if other == section))}"
