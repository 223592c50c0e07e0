"""The table of all settings, for the documentation: from their types, and from the comments in the shipped file."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from oad.contract.oauth import OAuthMethod

from .settings.keys import KEYS, OPTIONS, SECTIONS, variable_of
from .settings.shapes import describe
from .settings.shipped import read_entries, read_shipped
from .settings.show import write_value

HEAD: Final = (
    "`oad serve` and `oad unit` take their settings from a TOML file: the one of `--config`, else (but not under "
    "systemd) `$XDG_CONFIG_HOME/oad/oad.toml`, else `/etc/oad/oad.toml`. What is said in several places is taken from "
    "the last of these, key by key:\n\n"
    "1. `hostname`, `port`, `cors`, `mdns` and `mdnsDomain` in the `server` section, and `logLevel`, of the user's own "
    "`opencode.json`\n"
    "2. the file\n"
    "3. `*.toml` in the directory beside it whose name is the file's with `.d` (`/etc/oad/oad.toml.d`), in the order "
    "of their names\n"
    "4. the environment: `OAD_SECTION_KEY`, an empty one counting as none. Lists are separated by commas, or written "
    "as in TOML\n"
    "5. options: `--set SECTION.KEY=VALUE`, and those of their own in the table\n\n"
    "`cors` of all places adds up. `oad config check` names all that is wrong with its file and line, and `oad config "
    "show --origin` what is in force and why. A server does not start with settings that are wrong (status 2); a "
    "reload (`SIGHUP` to the daemon) with wrong ones changes nothing and logs why. It takes over all but `[server]`, "
    "`[sandbox]` and `[audit]`, which need a restart; gateways and proxy have read theirs at their start. Gateways "
    "read the users of `users_file` anew.\n"
)
COLUMNS: Final = ("key", "type", "default", "environment", "option", "meaning")
_OAUTH: Final = (
    "Lists of ways to log in, `[[oauth.PROVIDER]]`, in files only: [LOGIN.md](LOGIN.md). A provider's list is replaced "
    "as a whole.\n\n"
)
_UNITS: Final = {"s": "seconds", "h": "hours", "days": "days", "mb": "MB"}


def sections() -> Iterator[tuple[str, str, Iterable[tuple[str, ...]]]]:
    """Of each section its name, what is to be said before its table, and the rows."""
    entries = read_entries(read_shipped())
    for section in SECTIONS:
        keys = [key for key in KEYS if key[0] == section]
        if not keys:
            yield section, _OAUTH, _methods()
            continue
        rows = (
            (
                f"`{key[1]}`",
                _type(KEYS[key]),
                _default(KEYS[key].default),
                f"`{variable_of(key)}`",
                f"`{OPTIONS[key]}`" if key in OPTIONS else "",
                entries[key].meaning if key in entries else "",
            )
            for key in keys
        )
        yield section, "", rows


def _type(field: msgspec.structs.FieldInfo) -> str:
    return ", ".join(filter(None, (describe(field.type), unit_of(field.name))))


def unit_of(name: str) -> str:
    """By the end of its name."""
    stem, _, end = name.rpartition("_")
    return "" if stem.endswith("_per") else _UNITS.get(end, "") if stem else ""


def _default(value: Any) -> str:
    return "" if value in (None, msgspec.NODEFAULT) else f"`{write_value(value)}`"


def _methods() -> Iterator[tuple[str, ...]]:
    for field in msgspec.structs.fields(OAuthMethod):
        fallback = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        yield f"`{field.name}`", describe(field.type), _default(fallback), "", "", "required" if field.required else ""
