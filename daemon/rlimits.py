"""Resource limits of a command: what the kernel itself enforces on each of its processes.

They only ever go down: a limit that this service already runs under stays, and a command can't raise what it was given.
"""

import contextlib
import os
import resource
from typing import NamedTuple

from oad.contract.limits import MEGABYTE, CommandLimits
from oad.contract.worker import Level

# Room for the session's own processes, which the kernel counts too, and for the governor to see the excess: it says
# which limit was reached and ends the command, where the kernel only lets fork fail.
NPROC_SLACK = 24
_UNLIMITED = resource.RLIM_INFINITY


class Rlimit(NamedTuple):
    resource: int
    most: int


def plan(limits: CommandLimits, *, counts_session: bool) -> list[Rlimit]:
    """``counts_session``: RLIMIT_NPROC counts this session alone, see ``kernel_counts_session``."""
    made = [Rlimit(resource.RLIMIT_CORE, 0)]
    if limits.open_files is not None:
        made.append(Rlimit(resource.RLIMIT_NOFILE, limits.open_files))
    if limits.file_size_mb is not None:
        made.append(Rlimit(resource.RLIMIT_FSIZE, limits.file_size_mb * MEGABYTE))
    if limits.processes is not None and counts_session:
        made.append(Rlimit(resource.RLIMIT_NPROC, limits.processes + NPROC_SLACK))
    return made


def confine_process(limits: CommandLimits, level: Level) -> None:
    """Sets them on this process; what it starts inherits them. When memory runs out the kernel shall rather end a
    command than a worker, a worker rather than the service."""
    with contextlib.suppress(OSError):  # an unprivileged process whose memory is hidden may not say that of itself
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"500")
        finally:
            os.close(fd)
    for name, most in plan(limits, counts_session=kernel_counts_session(level)):
        _, hard = resource.getrlimit(name)
        most = most if hard == _UNLIMITED else min(most, hard)
        resource.setrlimit(name, (most, most))


def kernel_counts_session(level: Level) -> bool:
    """RLIMIT_NPROC counts per user, over all sessions, where it would make one session starve the others; since Linux
    5.14 it counts per user and user namespace. An unprivileged session has a user namespace of its own; root's has
    not, and root is exempt anyway."""
    return level == "pidns" and os.geteuid() != 0 and _kernel() >= (5, 14)


def _kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)
