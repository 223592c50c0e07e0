"""Commands get the processor's time that the service leaves over, so that one that takes all slows no other session.

Two kernel mechanisms, because on hosts with autogrouping (most desktops, many small servers) the first alone counts for
nothing between processes of different terminal sessions: every ``setsid`` begins a group of its own, at full weight.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from oad.contract.policy import Priority
from oad.contract.worker import WorkerKind

from .procs import Process

# Of a process, and of its terminal session where the kernel groups by these.
_NICE: Final[dict[Priority, int]] = {"normal": 0, "polite": 5, "low": 10, "idle": 19}
_AUTOGROUP: Final = Path("/proc/sys/kernel/sched_autogroup_enabled")


def of_worker(kind: WorkerKind, configured: Priority) -> Priority:
    """People type into terminals, and wait for searches and language servers: those only stand back."""
    return "polite" if configured in ("low", "idle") and kind != "session" else configured


def lower(priority: Priority) -> None:
    """For this process and what it will start; it can't be raised again without privilege."""
    if priority == "idle":
        # A core that runs nothing else counts as free: who wakes up is put there, and runs at once.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return
    if priority == "low":
        # Whoever wakes up in this class interrupts nobody: many short-lived processes disturb like a single long one.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICE[priority], os.getpriority(os.PRIO_PROCESS, 0)))


def is_autogrouping(switch: Path = _AUTOGROUP) -> bool:
    try:
        return switch.read_text().strip() == "1"
    except OSError:
        return False  # a kernel without it


class Autogroups:
    """Takes the weight off the groups that commands begin. Done by the governor: they can begin any number of them."""

    def __init__(self, *, enabled: bool, proc: Path = Path("/proc")) -> None:
        self._enabled = enabled
        self._proc = proc
        self._done: set[Process] = set()

    def lower(self, leaders: Collection[Process], priority: Priority) -> None:
        """``leaders``: of one worker's commands. What is refused is tried again at the next look: the kernel lets an
        unprivileged service do this ten times a second."""
        if not self._enabled or priority == "normal":
            return
        for leader in leaders:
            if leader not in self._done and self._write(leader.pid, _NICE[priority]):
                self._done.add(leader)

    def forget(self, living: Collection[Process]) -> None:
        self._done.intersection_update(living)

    def _write(self, pid: int, nice: int) -> bool:
        try:
            (self._proc / str(pid) / "autogroup").write_text(str(nice))
        except OSError:
            return False
        return True
