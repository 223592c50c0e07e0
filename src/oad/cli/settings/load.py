"""The settings in force: defaults, then each place that may say otherwise, the later one winning key by key."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ..server_config import Settings
from .contradictions import find_contradictions
from .keys import ADDED, Key
from .layers import Layer, Option, read_environment, read_file, read_options
from .origin import BadConfig, Origin, Problem
from .shared_file import config_home, read_shared

SYSTEM_FILE: Final = Path("/etc/oad/oad.toml")
_DEFAULT: Final = (Origin("default"),)
_NEEDED: Final = ("OPENCODE_LOG_LEVEL", "XDG_CONFIG_HOME")


class Sources(msgspec.Struct, frozen=True):
    """All that settings are made from, so that they can be made anew. ``required``: the file was asked for by name."""

    file: Path | None = None
    required: bool = False
    environment: dict[str, str] = {}
    options: tuple[Option, ...] = ()

    @property
    def drop_ins(self) -> list[Path]:
        return sorted(drop_in_directory(self.file).glob("*.toml")) if self.file is not None else []


class Loaded(msgspec.Struct, frozen=True):
    """``origins``: of the keys that something was said of; several where values add up."""

    settings: Settings
    origins: dict[Key, tuple[Origin, ...]]

    def origins_of(self, key: Key) -> tuple[Origin, ...]:
        return self.origins.get(key, _DEFAULT)


def drop_in_directory(file: Path) -> Path:
    return file.with_name(file.name + ".d")


def find_sources(
    config: Path | None, environment: Mapping[str, str], options: Iterable[Option] = (), *, service: bool = False
) -> Sources:
    """Without a named file: the user's own, else the system's. ``service``: the system's alone, since what runs in the
    home of the service's user must not configure it."""
    kept = {name: value for name, value in environment.items() if name.startswith("OAD_") or name in _NEEDED}
    if config is not None:
        return Sources(config.absolute(), True, kept, tuple(options))
    own = () if service else (config_home(environment) / "oad/oad.toml",)
    found = next((file for file in (*own, SYSTEM_FILE) if file.exists() or drop_in_directory(file).is_dir()), None)
    return Sources(found, False, kept, tuple(options))


def load_settings(sources: Sources) -> Loaded:
    """Raises BadConfig with everything that is wrong."""
    layers = list(_read(sources))
    if problems := [problem for layer in layers for problem in layer.problems]:
        raise BadConfig(problems)
    values: dict[str, dict[str, Any]] = {}
    origins: dict[Key, tuple[Origin, ...]] = {}
    for layer in layers:
        for key, (value, origin) in layer.values.items():
            adds = key in ADDED and key in origins
            section = values.setdefault(key[0], {})
            section[key[1]] = [*section[key[1]], *_list(value)] if adds else value
            origins[key] = (*origins[key], origin) if adds else (origin,)
    settings = msgspec.convert(values, Settings)
    if contradictions := list(find_contradictions(settings, origins)):
        raise BadConfig(contradictions)
    return Loaded(settings, origins)


def _list(value: Any) -> list[Any]:
    return list(value)


def _read(sources: Sources) -> Iterator[Layer]:
    yield read_shared(sources.environment)
    if sources.file is not None and (sources.required or sources.file.exists()):
        yield read_file(sources.file, "file")
    for file in sources.drop_ins:
        yield read_file(file, "drop-in")
    yield read_environment(sources.environment)
    yield read_options(sources.options)


def parse_settings(texts: Iterable[str]) -> list[Option]:
    """Of ``--set SECTION.KEY=VALUE``. Raises BadConfig."""
    options: list[Option] = []
    for text in texts:
        name, equals, value = text.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise BadConfig([Problem(Origin("option", "--set"), f"expected SECTION.KEY=VALUE, found {text!r}")])
        options.append(Option("--set", (section, key), value))
    return options
