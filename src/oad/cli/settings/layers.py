"""The places that settings are read from, each by itself: values with their origins, and what is wrong with them."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import msgspec

from oad.contract.forwarding import BadProxy, parse_proxies
from oad.contract.network import BadRule, parse_rules
from oad.contract.oauth import BadMethod, OAuthMethod, check_methods

from .keys import KEYS, SECTIONS, Key, complain_of, dotted, type_of, variable_of
from .origin import Kind, Origin, Problem
from .shapes import Mistake, find_mistakes, parse_text, suggest
from .toml_lines import find_lines, line_of

_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Layer(msgspec.Struct):
    values: dict[Key, tuple[object, Origin]] = {}
    problems: list[Problem] = []


class Option(msgspec.Struct, frozen=True):
    """A value from the command line, under the name of the option."""

    name: str
    key: Key
    value: object


def read_file(file: Path, kind: Kind) -> Layer:
    try:
        data = file.read_bytes()
    except OSError as error:
        return Layer(problems=[Problem(Origin(kind, str(file)), error.strerror or "can't be read")])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Layer(problems=[Problem(Origin(kind, str(file), line), "not UTF-8")])
    return _read_text(text, file, kind)


def _read_text(text: str, file: Path, kind: Kind) -> Layer:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Layer(problems=[_no_toml(file, kind, str(error), text)])
    lines = find_lines(text)
    mistakes = sorted(_find_all(tree), key=lambda mistake: line_of(lines, mistake.path))
    wrong = {mistake.path[:2] for mistake in mistakes}
    layer = Layer()
    for mistake in mistakes:
        origin = Origin(kind, str(file), line_of(lines, mistake.path))
        layer.problems.append(Problem(origin, f"{dotted(mistake.path)}: {mistake.text}"))
    for key, value in _pairs(tree):
        if key not in wrong:
            layer.values[key] = value, Origin(kind, str(file), line_of(lines, key))
    return layer


def _no_toml(file: Path, kind: Kind, said: str, text: str) -> Problem:
    place = _TOML_PLACE.search(said)
    line = int(place[1]) if place and place[1] else len(text.splitlines()) or 1
    return Problem(Origin(kind, str(file), line), f"not TOML: {_TOML_PLACE.sub('', said)}")


def _pairs(tree: Mapping[str, object]) -> Iterator[tuple[Key, object]]:
    for section, content in tree.items():
        if section in SECTIONS and isinstance(content, dict):
            for name, value in cast("dict[str, object]", content).items():
                yield (section, name), value


def _find_all(tree: Mapping[str, object]) -> Iterator[Mistake]:
    for section, content in tree.items():
        if section not in SECTIONS:
            yield Mistake((section,), complain_of((section, "")))
        elif not isinstance(content, dict):
            yield Mistake((section,), "this is the name of a section")
    for key, value in _pairs(tree):
        yield from find_mistakes_at(key, value)


def find_mistakes_at(key: Key, value: object) -> Iterator[Mistake]:
    kind = type_of(key)
    if kind is None:
        yield Mistake(key, complain_of(key))
        return
    mistakes = list(find_mistakes(kind, value, key))
    yield from mistakes
    wrong = {mistake.path[:3] for mistake in mistakes}
    if isinstance(value, list):
        for position, item in enumerate(cast("list[object]", value)):
            if (*key, position) not in wrong and (nonsense := _find_nonsense(key, item)):
                yield Mistake((*key, position), nonsense)


def _find_nonsense(key: Key, item: object) -> str:
    """Why an element of a list means nothing, although it is of the right type."""
    try:
        if key == ("network", "allow"):
            parse_rules([str(item)])
        elif key == ("server", "trusted_proxies"):
            parse_proxies([str(item)])
        elif key[0] == "oauth":
            check_methods({key[1]: (msgspec.convert(item, OAuthMethod),)})
    except (BadRule, BadMethod, BadProxy) as error:
        return str(error)
    return ""


def read_environment(environment: Mapping[str, str]) -> Layer:
    """An empty variable counts as one that is not set."""
    layer = Layer()
    if level := environment.get("OPENCODE_LOG_LEVEL"):
        _add_text(layer, Origin("environment", "OPENCODE_LOG_LEVEL"), ("server", "log_level"), level)
    for key in KEYS:
        if text := environment.get(variable_of(key)):
            _add_text(layer, Origin("environment", variable_of(key)), key, text)
    layer.problems += [Problem(Origin("environment", name), text) for name, text in _misspelt(environment)]
    return layer


def _misspelt(environment: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Variables that begin as ours do may be for something else, unless they name a section or nearly a key."""
    known = {variable_of(key) for key in KEYS}
    sections = tuple(f"OAD_{section.upper()}_" for section in SECTIONS)
    for name in environment:
        if name.startswith("OAD_") and name not in known:
            hint = suggest(name, known, likeness=0.85)
            if hint or name.startswith(sections):
                yield name, f"there is no such setting{hint}"


def read_options(options: Iterable[Option]) -> Layer:
    layer = Layer()
    for option in options:
        origin = Origin("option", option.name)
        if isinstance(option.value, str):
            _add_text(layer, origin, option.key, option.value)
        else:
            _add(layer, origin, option.key, option.value)
    return layer


def _add_text(layer: Layer, origin: Origin, key: Key, text: str) -> None:
    kind = type_of(key)
    _add(layer, origin, key, text if kind is None else parse_text(kind, text))


def _add(layer: Layer, origin: Origin, key: Key, value: object) -> None:
    mistakes = list(find_mistakes_at(key, value))
    layer.problems += [Problem(origin, f"{dotted(mistake.path)}: {mistake.text}") for mistake in mistakes]
    if not mistakes:
        layer.values[key] = value, origin
