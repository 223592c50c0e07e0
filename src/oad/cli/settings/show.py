"""Settings written down: as TOML that could be read again, or as JSON with where each value came from."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from oad.daemon.vault import is_secret

from .keys import KEYS, SECTIONS, Key
from .load import Loaded
from .origin import Origin

_MASK: Final = "********"
_COLUMN: Final = 40


class Shown(msgspec.Struct, frozen=True):
    """``value`` None: nothing holds."""

    value: Any
    origin: tuple[Origin, ...]


def list_settings(loaded: Loaded) -> dict[Key, Shown]:
    """Every key, in the order in which it is documented; secrets are masked."""
    keys = [key for section in SECTIONS for key in _keys_of(loaded, section)]
    content: dict[str, dict[str, Any]] = msgspec.to_builtins(loaded.settings)
    return {key: Shown(_masked(key[1], content[key[0]][key[1]]), loaded.origins_of(key)) for key in keys}


def _keys_of(loaded: Loaded, section: str) -> list[Key]:
    return [key for key in (*KEYS, *(key for key in loaded.origins if key not in KEYS)) if key[0] == section]


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(key, item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in cast("list[Any]", value)]
    return _MASK if isinstance(value, str) and is_secret(name, value) else value


def as_json(shown: Mapping[Key, Shown], *, origins: bool) -> str:
    entries = {f"{section}.{name}": each if origins else each.value for (section, name), each in shown.items()}
    return msgspec.json.format(msgspec.json.encode(entries)).decode()


def as_toml(shown: Mapping[Key, Shown], *, origins: bool) -> Iterator[str]:
    section = ""
    for key, each in shown.items():
        if key[0] != section:
            yield from ([""] if section else [])
            section = key[0]
            yield f"[{section}]"
        line = f"# {key[1]} =" if each.value is None else f"{_name(key[1])} = {write_value(each.value)}"
        yield f"{line:{_COLUMN}}  # {' + '.join(map(str, each.origin))}" if origins else line


def write_value(value: Any) -> str:
    if isinstance(value, dict):
        given = {name: item for name, item in cast("dict[str, Any]", value).items() if item is not None}
        pairs = ", ".join(f"{_name(name)} = {write_value(item)}" for name, item in given.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write_value, cast('list[Any]', value)))}]"
    return msgspec.json.encode(value).decode()  # texts, numbers and truths are written alike


def _name(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else write_value(name)
