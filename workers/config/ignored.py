"""What configurations for the reference may hold and oad has no use for: accepted, and named in the log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from .settings import Config
from .watch import Watch

_KNOWN: Final = frozenset(field.encode_name for field in msgspec.structs.fields(Config)) | {"$schema", "reference"}
WITHOUT_EFFECT: Final = {
    "autoupdate": "oad does not replace itself",
    "enterprise": "there is no such service",
    "layout": "it was the terminal interface's",
    "theme": "it is the terminal interface's, see tui.json",
    "keybinds": "it is the terminal interface's, see tui.json",
    "tui": "it is the terminal interface's, see tui.json",
}
_EXPERIMENTS: Final = frozenset({"mcp_timeout"})  # those which have an effect
_FOLDERS: Final = ("plugin", "plugins", "tool", "tools")
_SUFFIXES: Final = (".js", ".ts", ".mjs", ".mts", ".cjs")


def find_ignored(raw: dict[str, Any]) -> Iterator[str]:
    for key in raw:
        if key in WITHOUT_EFFECT:
            yield f"{key} has no effect: {WITHOUT_EFFECT[key]}"
        elif key not in _KNOWN:
            yield f"{key} is no key of the configuration"
    experimental = raw.get("experimental")
    if isinstance(experimental, dict):
        for key in sorted(set(cast("dict[str, Any]", experimental)) - _EXPERIMENTS):
            yield f"experimental.{key} has no effect"
    if raw.get("plugin"):
        yield "plugin has no effect, JavaScript is not run: " + ", ".join(map(str, raw["plugin"]))


def find_programs(watch: Watch, folder: Path) -> Iterator[str]:
    """Plugins and tools in a configuration directory, which only the reference can run."""
    for name in _FOLDERS:
        found = [entry for entry in watch.names(folder / name) if entry.endswith(_SUFFIXES)]
        if found:
            yield f"{folder / name}: JavaScript is not run: {', '.join(found[:20])}"
