"""What a worker is told at its birth: where it may write, what holds for its commands, where it finds the daemon."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog
import trio

from oad.contract.ids import random_text
from oad.contract.limits import for_commands
from oad.contract.sandbox import Confinement, SandboxWish, worker_writable
from oad.contract.worker import SnapshotPlace, WorkerKind, WorkerSpec

from . import priority
from .bookkeeper import Bookkeeper
from .own_directories import OwnDirectories
from .sandboxes import Sandboxes
from .settings import DaemonSettings
from .snapshot_places import SnapshotPlaces

_log = structlog.get_logger("oad.supervisor")


class Specs:
    """Makes them, with the scratch directory of each worker."""

    def __init__(
        self, settings: DaemonSettings, books: Bookkeeper, sandboxes: Sandboxes, snapshots: SnapshotPlaces
    ) -> None:
        self._snapshots = snapshots
        self._settings = settings
        self._books = books
        self._sandboxes = sandboxes
        self._scratch = OwnDirectories(settings.scratch)

    def make(
        self, kind: WorkerKind, name: str, directory: str, writable: Sequence[str], wish: SandboxWish
    ) -> WorkerSpec:
        """``writable`` are the roots of a session, or all that a directory's worker may write to instead of the
        directory; ``wish`` is what is asked for a terminal. Raises ApiError 404, 503."""
        scratch = self._scratch.make(_scratch_name(kind, name))
        place = self._snapshots.of_session(self._books.find(name)) if kind == "session" else SnapshotPlace()
        confinement = self._confine(kind, name, directory, writable, scratch, wish)
        settings, policy = self._settings, self._settings.policy
        socket = settings.worker_endpoints / f"{random_text(12)}.sock"
        return WorkerSpec(
            kind=kind,
            name=name,
            directory=directory,
            endpoint=f"ipc://{socket}",
            scratch=str(scratch),
            writable=list(worker_writable(confinement)),
            audit=self._books.audit_mode,
            shell=policy.shell,
            log_level=settings.log_level,
            log_file=str(settings.log_file or ""),
            log_to_stderr=settings.log_to_stderr,
            log_repeats=policy.logs.repeats,
            confinement=msgspec.structs.replace(confinement, snapshots=place.directory),
            snapshots=place,
            limits=for_commands(policy.limits),
            priority=priority.of_worker(kind, policy.limits.priority),
        )

    def _confine(
        self, kind: WorkerKind, name: str, directory: str, writable: Sequence[str], scratch: Path, wish: SandboxWish
    ) -> Confinement:
        match kind:
            case "session":
                return self._sandboxes.confine_session(self._books.find(name), list(writable), scratch)
            case "pty":
                return self._sandboxes.confine_terminal(directory, scratch, wish)
            case "project":
                return self._sandboxes.confine_project(directory, scratch, writable)

    async def remove_scratch(self, name: str, kind: WorkerKind = "session") -> None:
        left = await trio.to_thread.run_sync(self._scratch.remove, _scratch_name(kind, name))
        if left:
            _log.warning("not all of a scratch directory could be removed", worker=name, left=left[:20])


def _scratch_name(kind: WorkerKind, name: str) -> str:
    if kind != "project":
        return name
    return f"project-{hashlib.sha256(name.encode()).hexdigest()[:16]}"  # a directory's path can't be a file's name
