"""Control groups (version 2): where a part of the tree was delegated to this service, the kernel keeps the limits.

One group per session below the delegated one: ``memory.max``, ``pids.max``, ``cpu.max`` and ``cgroup.kill``. CPU is
then throttled where the governor alone would have to end the command. The service's own processes move to a leaf,
because a group that distributes resources may have no members itself.

Only files are written here, so all of it can be tried on an ordinary directory.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.limits import MEGABYTE, LimitHit, SessionLimits

CONTROLLERS: Final = ("memory", "pids", "cpu")
_PERIOD_US: Final = 100_000
_OWN: Final = "oad-service"
_OWN_WEIGHT: Final = 1000  # ten sessions: who serves all of them does not wait for one
# systemd marks what it delegates; a group that merely could be written to is somebody else's.
_MARKS: Final = ("user.delegate", "trusted.delegate")


class Delegation(msgspec.Struct, frozen=True):
    """``controllers``: those of CONTROLLERS that may be used below ``root``."""

    root: Path
    controllers: tuple[str, ...]


def own_group(cgroup: str, mountinfo: str) -> Path | None:
    """The directory of this process's group, from the texts of /proc/self/cgroup and /proc/self/mountinfo."""
    path = next((line[3:] for line in cgroup.splitlines() if line.startswith("0::")), None)
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        if path is not None and right.startswith("cgroup2 "):
            root, mounted = left.split()[3:5]
            inside = path if root == "/" else path.removeprefix(root)
            return Path(mounted + inside) if inside != "/" else Path(mounted)
    return None


def find_delegation(proc: Path = Path("/proc/self")) -> Delegation | None:
    """None where nothing was delegated to this service."""
    try:
        group = own_group((proc / "cgroup").read_text(), (proc / "mountinfo").read_text())
    except OSError:
        return None
    return look_at(group) if group is not None and is_delegated(group) else None


def is_delegated(group: Path) -> bool:
    for mark in _MARKS:
        with contextlib.suppress(OSError):
            if os.getxattr(group, mark) == b"1":
                return True
    # An unprivileged service can write only to what it was given.
    return os.geteuid() != 0 and os.access(group / "cgroup.procs", os.W_OK) and os.access(group, os.W_OK)


def look_at(group: Path) -> Delegation | None:
    try:
        offered = (group / "cgroup.controllers").read_text().split()
    except OSError:
        return None
    return Delegation(group, tuple(name for name in CONTROLLERS if name in offered))


class Groups:
    """The groups of all sessions. Every method raises OSError."""

    def __init__(self, delegation: Delegation) -> None:
        self._root = delegation.root
        self.controllers = delegation.controllers

    def prepare(self) -> None:
        """Moves the service into its leaf, hands the controllers down, and removes what an earlier run left."""
        own = self._root / _OWN
        own.mkdir(exist_ok=True)
        for pid in (self._root / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                _write(own / "cgroup.procs", pid)
        if self.controllers:
            _write(self._root / "cgroup.subtree_control", " ".join(f"+{name}" for name in self.controllers))
        if "cpu" in self.controllers:
            _write(own / "cpu.weight", str(_OWN_WEIGHT))
        for left in self._root.glob("ses_*"):
            with contextlib.suppress(OSError):
                Group(left, self.controllers).remove()

    def open(self, session: str) -> "Group":
        path = self._root / session
        path.mkdir(exist_ok=True)
        return Group(path, self.controllers)


class Group:
    """One session's."""

    def __init__(self, path: Path, controllers: tuple[str, ...]) -> None:
        self._path = path
        self._controllers = controllers
        self._seen: dict[str, int] = {}
        self._news("memory.events", "oom_kill")  # what happened before concerns nobody any more
        self._news("pids.events", "max")

    def limit(self, limits: SessionLimits) -> None:
        for file, text in settings(limits, self._controllers).items():
            _write(self._path / file, text)

    def add(self, pid: int) -> None:
        """With all that it will start. Its present children stay where they are."""
        _write(self._path / "cgroup.procs", str(pid))

    def kill(self) -> None:
        """SIGKILL to every member at once, also to those that are just forking."""
        _write(self._path / "cgroup.kill", "1")

    def empty(self) -> bool:
        return "populated 0" in (self._path / "cgroup.events").read_text()

    def remove(self) -> None:
        """Raises OSError while it has members."""
        self._path.rmdir()

    def hits(self, limits: SessionLimits) -> list[LimitHit]:
        """Limits at which the kernel has stopped something since the last time this was asked."""
        found: list[LimitHit] = []
        if limits.memory_mb is not None and self._news("memory.events", "oom_kill"):
            peak = self._number("memory.peak") / MEGABYTE
            most = limits.memory_mb
            found.append(LimitHit(limit="memoryMb", value=most, peak=max(peak, most), action="command"))
        if limits.processes is not None and self._news("pids.events", "max"):
            most = limits.processes
            found.append(LimitHit(limit="processes", value=most, peak=most, action="command"))
        return found

    def _news(self, file: str, key: str) -> bool:
        now = read_flat(self._path / file).get(key, 0)
        before, self._seen[file] = self._seen.get(file, 0), now
        return now > before

    def _number(self, file: str) -> int:
        try:
            return int((self._path / file).read_text())
        except (OSError, ValueError):
            return 0  # memory.peak came with Linux 5.19


def settings(limits: SessionLimits, controllers: tuple[str, ...]) -> dict[str, str]:
    """What is written into which file; ``max`` where there is no limit, so that a limit can be lifted."""
    made: dict[str, str] = {}
    if "memory" in controllers:
        made["memory.max"] = _amount(limits.memory_mb, MEGABYTE)
        made["memory.swap.max"] = "max" if limits.memory_mb is None else "0"  # else the excess would go to the disk
    if "pids" in controllers:
        made["pids.max"] = _amount(limits.processes, 1)
    if "cpu" in controllers:
        quota = "max" if limits.cpu is None else str(max(round(limits.cpu * _PERIOD_US), 1000))
        made["cpu.max"] = f"{quota} {_PERIOD_US}"
    return made


def read_flat(file: Path) -> dict[str, int]:
    """A file of lines ``key number``; empty when it can't be read."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) == 2}


def _amount(value: int | None, unit: int) -> str:
    return "max" if value is None else str(value * unit)


def _write(file: Path, text: str) -> None:
    # No truncation, no creation: these are the kernel's files.
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
