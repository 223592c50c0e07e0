"""Puts every session into a control group of its own, as soon as it is born and before it can start anything."""

import contextlib
from typing import Protocol

import msgspec
import structlog

from oad.contract.limits import LimitHit, SessionLimits
from oad.contract.worker import WorkerSpec

from .cgroups import Group, Groups
from .limits import Limits
from .spawn import Child, Spawner

_log = structlog.get_logger("oad.cgroups")


class RecyclingSpawner(Spawner, Protocol):
    def recycle(self) -> None: ...


class GroupingSpawner:
    """A spawner whose sessions are in groups. Without ``groups`` it is the spawner that it was given."""

    def __init__(self, spawner: RecyclingSpawner, groups: Groups | None, limits: Limits) -> None:
        self._spawner = spawner
        self._groups = groups
        self._limits = limits
        self._placed: dict[str, tuple[Group, SessionLimits]] = {}

    def recycle(self) -> None:
        self._spawner.recycle()

    async def spawn(self, spec: WorkerSpec) -> Child:
        child = await self._spawner.spawn(spec)
        if self._groups is not None and spec.kind != "project":
            try:
                self._place(self._groups, spec.name, child)
            except OSError as error:  # the governor watches it all the same
                _log.error("a session is in no control group", session=spec.name, error=str(error))
        return child

    def _place(self, groups: Groups, session: str, child: Child) -> None:
        group, limits = groups.open(session), self._limits.of(session)
        group.limit(limits)
        for pid in (child.init_pid, child.worker_pid):
            group.add(pid)
        self._placed[session] = (group, limits)

    def left_to_governor(self, session: str, limits: SessionLimits) -> SessionLimits:
        """What the kernel does not keep for this session; applies limits that have changed since."""
        known = self._placed.get(session)
        if known is None or self._groups is None:
            return limits
        group, applied = known
        if limits != applied:
            with contextlib.suppress(OSError):
                group.limit(limits)
                self._placed[session] = (group, limits)
        if "cpu" not in self._groups.controllers:
            return limits
        return _without_cpu(limits)

    def hits(self, session: str, limits: SessionLimits) -> list[LimitHit]:
        """Limits at which the kernel has stopped something lately."""
        known = self._placed.get(session)
        return known[0].hits(limits) if known is not None else []

    def kill(self, session: str) -> None:
        known = self._placed.get(session)
        if known is not None:
            with contextlib.suppress(OSError):
                known[0].kill()

    def tidy(self, living: set[str]) -> None:
        """Removes the groups of sessions whose worker is gone."""
        for session in [session for session in self._placed if session not in living]:
            with contextlib.suppress(OSError):  # not empty yet: at the next look
                self._placed[session][0].remove()
                del self._placed[session]


def _without_cpu(limits: SessionLimits) -> SessionLimits:
    return msgspec.structs.replace(limits, cpu=None)
