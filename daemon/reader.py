"""The way to start a program of oad's own choice that only reads: ripgrep, and git where it runs nothing.

It sees what the worker sees in whose name it reads, in the same mount namespace, and so it needs no view of its own,
which is most of what a command costs. What bubblewrap takes from commands is taken from it otherwise: Landlock leaves
nothing writable, and no device to be read; it has no capability; and its filter refuses what Landlock does not know or
learnt late: sockets, memory that is shared by name, cutting files off, and changes of modes, owners and times.
"""

import functools
import os
import platform
from collections.abc import Collection, Sequence
from typing import Final

from oad.contract.policy import Profile
from oad.contract.sandbox import Confinement

from . import landlock, procs, seccomp
from .view import Mount

_HIDDEN: Final = ("/dev",)


def may_read(confinement: Confinement, profile: Profile, mounts: Sequence[Mount], standing: Collection[str]) -> bool:
    """Whether all that a command under this profile must not see is hidden from the worker as well, and it can be
    held to reading here."""
    if profile != "read-only" or confinement.root == "minimal" or not can_restrict():
        return False
    return all(mount.path in standing for mount in mounts if mount.kind in ("hide", "hide-file"))


@functools.cache
def can_restrict() -> bool:
    return procs.landlock_abi() >= 1


class Reins:
    """What holds a process to reading, made ready before it is known what will be read."""

    def __init__(self) -> None:
        self._ruleset, self._made = -1, 0

    def prepare(self) -> None:
        """Raises OSError."""
        self._ruleset, self._made = landlock.make_reading_ruleset(_HIDDEN), _changed()

    def restrict(self) -> None:
        """The calling process and what it starts, for good. Raises OSError."""
        if self._ruleset < 0 or self._made != _changed():  # what has appeared below / since would be out of reach
            self.prepare()
        procs.drop_capabilities()
        landlock.enforce(self._ruleset)
        procs.install_filter(_filter())


def _changed() -> int:
    return os.stat("/").st_ctime_ns  # noqa: PTH116


@functools.cache
def _filter() -> bytes:
    return seccomp.make_filter(platform.machine(), "reader")


def warm() -> None:
    """In the init: what the holders, its forks, then find done."""
    if can_restrict():
        _filter()
