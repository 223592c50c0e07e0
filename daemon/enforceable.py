"""Whether this host can enforce what the operator configures. What it can't is refused at the start, by name: a limit
that is silently not kept is worse than none."""

import os
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.limits import SessionLimits
from oad.contract.policy import LimitPolicy


class NotEnforceable(Exception):
    """A configured limit that can't be kept here; the text names it, and why."""


class HostFacts(msgspec.Struct, frozen=True):
    """``lacking``: limits by their name in the configuration, and the reason."""

    lacking: dict[str, str]


_OF_PROCESSES: Final = ("memory_mb", "cpu", "processes", "written_mb")


def probe_host(proc: Path = Path("/proc")) -> HostFacts:
    """Looks whether the kernel shows what the governor has to see."""
    lacking: dict[str, str] = {}
    if not (proc / f"self/task/{os.getpid()}/children").exists():
        for name in _OF_PROCESSES:
            lacking[name] = "the kernel does not list the children of a process (CONFIG_PROC_CHILDREN)"
    if not (proc / "1").exists():
        for name in _OF_PROCESSES:
            lacking[name] = "/proc is mounted with hidepid and hides the processes of sessions"
    if not _counts_writes(proc):
        lacking.setdefault("written_mb", "the kernel does not count what processes write (CONFIG_TASK_IO_ACCOUNTING)")
    return HostFacts(lacking)


def _counts_writes(proc: Path) -> bool:
    try:
        return "write_bytes:" in (proc / "self/io").read_text()
    except OSError:
        return False


def check_limits(policy: LimitPolicy, facts: HostFacts) -> None:
    """Raises NotEnforceable."""
    refused = [f"limits.{name}: {why}" for name, why in facts.lacking.items() if getattr(policy, name) is not None]
    if refused:
        raise NotEnforceable("configured limits can't be enforced on this host. " + "; ".join(refused))


def check_wish(wish: SessionLimits | None, facts: HostFacts) -> str | None:
    """Why a session's own wish can't be kept here."""
    for name, why in facts.lacking.items():
        if getattr(wish, name, None) is not None:
            return f"limit {name} can't be enforced on this host: {why}"
    return None
