"""What is wrong with a unit, from what systemd knows of it. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from oad import __version__

PROPERTIES: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "StatusText",
    "NRestarts",
    "Result",
    "UnitFileState",
    "NeedDaemonReload",
)
_VERSION: Final = re.compile(r"oad (\S+): ")  # with which each process begins its status


def find_problems(unit: str, found: Mapping[str, str], *, needed: bool) -> list[str]:
    """``needed``: it must be enabled and active; else it may wait until somebody needs it."""
    if found.get("LoadState") == "not-found":
        return ["is not installed: oad service install"]
    active, sub, result = (found.get(name, "") for name in ("ActiveState", "SubState", "Result"))
    problems = list[str]()
    if active == "failed" or sub == "auto-restart":
        problems.append(f"fails ({result or sub}): journalctl -u {unit}")
    elif needed and active != "active":
        problems.append(f"does not run: systemctl start {unit}")
    if needed and found.get("UnitFileState") not in ("enabled", "enabled-runtime"):
        problems.append(f"does not start with the system: systemctl enable {unit}")
    if found.get("NeedDaemonReload") == "yes":
        problems.append("has changed on disk: systemctl daemon-reload")
    version = _VERSION.match(found.get("StatusText", ""))
    if version and version[1] != __version__:
        problems.append(f"runs version {version[1]}, installed is {__version__}: oad service install")
    return problems


def describe(unit: str, found: Mapping[str, str]) -> str:
    restarts = int(found.get("NRestarts") or 0)
    notes = [note for note in (found.get("StatusText", ""), f"{restarts} restarts" if restarts else "") if note]
    return f"{unit:24} {found.get('ActiveState')} ({found.get('SubState')}) {', '.join(notes)}".rstrip()
