"""How much memory this service can still have, before the kernel must end something for it."""

from pathlib import Path
from typing import Final

_MEMINFO: Final = Path("/proc/meminfo")
_OWN_GROUP: Final = Path("/proc/self/cgroup")
_GROUPS: Final = Path("/sys/fs/cgroup")
_MEGABYTE: Final = 1024 * 1024


def available_mb() -> float | None:
    """The least of what the host and every control group above this process have left; None where nobody tells."""
    found = [mb for mb in (_of_host(), *_of_groups()) if mb is not None]
    return min(found, default=None)


def _of_host() -> float | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    line = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return int(line.split()[1]) / 1024 if line else None


def _of_groups() -> list[float | None]:
    try:
        own = next((line for line in _OWN_GROUP.read_text().splitlines() if line.startswith("0::")), "0::/")
    except OSError:
        return []
    group = _GROUPS / own[3:].strip().lstrip("/")
    return [left_in(each) for each in (group, *group.parents) if each.is_relative_to(_GROUPS)]


def left_in(group: Path) -> float | None:
    """MB; what the kernel can take back from its caches counts as left. None for a group without a limit."""
    try:
        most = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if most == "max":
        return None
    return (int(most) - used + int(stat.get("inactive_file", 0))) / _MEGABYTE
