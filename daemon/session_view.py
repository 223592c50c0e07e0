"""The view of a session as a whole, made in its own mount namespace: what its worker's file tools see.

The same plan as for commands, but the root stays as it is, because the worker's writing is restricted by Landlock.
What is hidden or protected here is so for everything below, commands of every profile included, and bubblewrap only has
to add to it. A file that is replaced on the host (by a rename) loses what was mounted over it, and places may appear
later: so the view is completed before every command.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from oad.contract.sandbox import Confinement

from . import procs
from .view import Look, Mount, look, plan_view

_READ_ONLY_PROC: Final = ("sys", "sysrq-trigger", "irq", "bus", "fs")
_MASKED_PROC: Final = ("kcore", "keys", "key-users", "timer_list", "sched_debug", "latency_stats", "kallsyms",
                       "acpi", "asound", "scsi", "kmsg", "kpagecount", "kpageflags", "kpagecgroup")  # fmt: skip
_EMPTY: Final = "mode=555,size=64k,nr_inodes=1k"


class SessionView:
    """``kept``: paths that stay visible for the worker itself, such as its socket. Needs the right to mount."""

    def __init__(self, confinement: Confinement, kept: Iterable[str] = ()) -> None:
        self._confinement = confinement
        self._kept = tuple(kept)
        self._standing: set[str] = set()

    def enter(self) -> None:
        """Raises OSError, with the path that could not be mounted."""
        prepare_scratch(Path(self._confinement.scratch))
        _guard_proc()
        # Opened first: behind what is mounted over their parents they can be reached only through these.
        plan = plan_view(self._confinement, self._confinement.profile, worker=True)
        with contextlib.ExitStack() as opened:
            sources = {mount.path: _open(mount.source or mount.path, opened) for mount in plan if _is_bound(mount)}
            kept = {path: _open(path, opened) for path in self._kept if Path(path).exists()}
            empty = _open(f"{self._confinement.scratch}/empty", opened)
            for mount in plan:
                self._make(mount, sources.get(mount.path, empty))
            for path, fd in kept.items():
                if not Path(path).exists():
                    _bind(fd, path)
        for mount in plan:
            if mount.kind == "hide":
                _remount_read_only(mount.path)

    @property
    def standing(self) -> frozenset[str]:
        """All that is hidden or protected now."""
        return frozenset(self._standing)

    def complete(self, look: Look = look) -> bool:
        """Hides and protects what has appeared or was replaced; whether there was anything."""
        mounted = mount_points()
        plan = plan_view(self._confinement, self._confinement.profile, look, worker=True)
        missing = [mount for mount in plan if mount.path not in mounted and mount.kind != "tmp"]
        if missing:
            self._add(missing)
        return bool(missing)

    def _add(self, missing: Iterable[Mount]) -> None:
        with contextlib.ExitStack() as opened:
            empty = _open(f"{self._confinement.scratch}/empty", opened)
            for mount in missing:
                if not Path(mount.path).exists():
                    continue
                source = _open(mount.path, opened) if _is_bound(mount) else empty
                self._make(mount, source)
                if mount.kind == "hide":
                    _remount_read_only(mount.path)

    def _make(self, mount: Mount, source: int) -> None:
        match mount.kind:
            case "hide":
                procs.mount("tmpfs", mount.path, "tmpfs", procs.MS_NOSUID | procs.MS_NODEV | procs.MS_NOEXEC, _EMPTY)
            case "hide-file" | "read":
                _bind(source, mount.path)
                _remount_read_only(mount.path)
            case "write" | "tmp" | "link":  # a worker's view has no links of its own
                _bind(source, mount.path)
        if mount.kind in ("hide", "hide-file", "read"):
            self._standing.add(mount.path)


def prepare_scratch(scratch: Path) -> None:
    """``tmp`` becomes /tmp inside, ``empty`` stands for files that are hidden."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o1777)
    (scratch / "tool-output").mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(scratch / "empty", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))


def _guard_proc() -> None:
    """As root, files below ``/proc/sys`` can be written without any capability: ``core_pattern`` is a way out."""
    for name in _READ_ONLY_PROC:
        path = f"/proc/{name}"
        if Path(path).exists():
            procs.mount(path, path, None, procs.MS_BIND | procs.MS_REC)
            _remount_read_only(path)
    for name in _MASKED_PROC:
        path = f"/proc/{name}"
        if Path(path).is_dir():
            procs.mount("tmpfs", path, "tmpfs", procs.MS_RDONLY | procs.MS_NOSUID | procs.MS_NODEV, _EMPTY)
        elif Path(path).exists():
            procs.mount("/dev/null", path, None, procs.MS_BIND)


def _is_bound(mount: Mount) -> bool:
    return mount.kind in ("read", "write", "tmp")


def _open(path: str, opened: contextlib.ExitStack) -> int:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    opened.callback(os.close, fd)
    return fd


def _bind(source: int, target: str) -> None:
    """Makes the mount point where it is missing, which is only below what has just been mounted empty."""
    _make_point(source, target)
    procs.mount(f"/proc/self/fd/{source}", target, None, procs.MS_BIND | procs.MS_REC)


def _make_point(source: int, target: str) -> None:
    place = Path(target)
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if Path(f"/proc/self/fd/{source}").is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()


def _remount_read_only(path: str) -> None:
    # In a user namespace the flags that the mount came with must be given again, or the kernel refuses.
    kept = os.statvfs(path).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME)
    relative = procs.MS_RELATIME if os.statvfs(path).f_flag & os.ST_RELATIME else 0
    procs.mount("none", path, None, procs.MS_BIND | procs.MS_REMOUNT | procs.MS_RDONLY | kept | relative)


def mount_points() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {_unescape(line.split(" ", 5)[4]) for line in lines}


def _unescape(text: str) -> str:
    """Blanks are octal in this file."""
    if "\\" not in text:
        return text
    return text.encode().decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape")
