"""The file that is shipped, with a comment for each key: what is documented is read out of it."""

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

import msgspec

from .keys import Key

_SECTION: Final = re.compile(r"\[(\w+)\]$")
_KEY: Final = re.compile(r"(?P<off># )?(?P<name>\w+) =(?: (?P<value>.*?))?(?:  +# (?P<meaning>.*))?$")


class Entry(msgspec.Struct):
    """``value`` None: there is no default. ``is_set``: it is not commented out, and may differ from the default."""

    is_set: bool
    meaning: str
    value: Any = None


def read_shipped() -> str:
    return files("oad.configs").joinpath("oad.toml").read_text()


def read_entries(text: str) -> dict[Key, Entry]:
    """A key's meaning stands behind it, else in the comment before it."""
    entries: dict[Key, Entry] = {}
    section, remarks = "", list[str]()
    lines = iter(text.splitlines())
    for line in lines:
        if found := _SECTION.match(line):
            section, remarks = found[1], []
        elif section and (key := _KEY.match(line)):
            value = _whole_value(key["value"] or "", lines)
            given = tomllib.loads(f"value = {value}")["value"] if value else None
            entries[section, key["name"]] = Entry(not key["off"], key["meaning"] or " ".join(remarks), given)
            remarks = []
        elif line.startswith("# [["):
            section = ""  # an example
        else:
            remarks = [*remarks, line[2:]] if line.startswith("# ") else []
    return entries


def _whole_value(value: str, lines: Iterator[str]) -> str:
    """A list may go on over lines, which are comments as its first one is."""
    if value != "[":
        return value
    rest: list[str] = []
    while not rest or rest[-1] != "]":
        rest.append(next(lines).removeprefix("# "))
    return value + "\n".join(rest)
