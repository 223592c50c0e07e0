"""A session's sandbox as its init and its call holders use it: the view around everything, and each command's own.

Made once per session, before the worker is forked; every holder is a fork of the same init and finds it ready.
"""

import functools
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from oad.contract.policy import Profile
from oad.contract.sandbox import Confinement, profile_for
from oad.contract.worker import Run

from . import bwrap, landlock, procs, reader, seccomp
from .controlled import controlled
from .session_view import SessionView, prepare_scratch
from .view import Mount, is_below, look, plan_view, temporary_of

_DIAGNOSIS_S: Final = 5.0
_CACHES: Final = {"XDG_CACHE_HOME": "/tmp/.cache", "npm_config_cache": "/tmp/.cache/npm", "TMPDIR": "/tmp"}  # noqa: S108


class Confined(NamedTuple):
    """What is really executed. ``inherited``: descriptors for it alone, to be closed by the caller when it has started.
    ``status``: where bubblewrap tells how it went, -1 without it."""

    argv: list[str]
    env: dict[str, str]
    inherited: tuple[int, ...] = ()
    status: int = -1


class NotVisible(OSError):
    """The working directory does not exist in the view of the command."""


class Enclosure:
    def __init__(self, confinement: Confinement, kept: tuple[str, ...] = ()) -> None:
        self.confinement = confinement
        self._view = SessionView(confinement, kept) if confinement.level == "namespaces" else None
        self._reads = False  # whether the view of the worker is one that readers may have
        self._reins = reader.Reins()

    def enter(self) -> None:
        """In the session's init, in its own mount namespace. Raises OSError."""
        if self._view is not None:
            self._view.enter()
            _filter(self.confinement.profile)
            reader.warm()
            mounts = plan_view(self.confinement, "read-only")
            self._reads = reader.may_read(self.confinement, "read-only", mounts, self._view.standing)

    def prepare_reader(self) -> None:
        """In a holder, ahead of its call. Raises OSError."""
        if self._reads:
            self._reins.prepare()

    def shield_worker(self) -> None:
        """In the init, when the worker has been forked: commands of the session may signal each other, not it."""
        if self._view is not None:
            landlock.scope_session()

    def confine(self, request: Run) -> Confined:
        """In the call's holder. Raises OSError for a program or a directory that is not there."""
        profile = "read-only" if request.snapshots else profile_for(self.confinement, request.profile)
        match self.confinement.level:
            case "namespaces":
                return self._in_namespaces(request, profile)
            case "landlock":
                return self._by_landlock(request, profile)
            case "none":
                return Confined(_program(request), request.env)

    def _by_landlock(self, request: Run, profile: Profile) -> Confined:
        """Restricts the calling process, the holder, which needs nothing of what it gives up."""
        program = _program(request)
        if profile == "full":
            return Confined(program, request.env)
        temporary = temporary_of(self.confinement)
        prepare_scratch(Path(self.confinement.scratch))
        procs.drop_capabilities()
        landlock.restrict(plan_view(self.confinement, profile, snapshots=request.snapshots), temporary)
        procs.install_filter(_filter(profile))
        return Confined(program, {**request.env, **self._variables(profile), "TMPDIR": temporary})

    def _in_namespaces(self, request: Run, profile: Profile) -> Confined:
        assert self._view is not None
        if request.reader and profile == "read-only" and self._reads:
            self._view.complete()
            self._reins.restrict()
            return Confined(request.argv, {**request.env, **self._variables(profile)})
        looked = functools.cache(look)  # once for both plans, as mostly nothing is to be added
        if self._view.complete(looked):
            looked.cache_clear()
        mounts = plan_view(self.confinement, profile, looked, snapshots=request.snapshots)
        if not _sees(mounts, request.cwd):
            raise NotVisible(2, "The sandbox does not show this directory", request.cwd)
        program = _program(request) if request.terminal else [find_program(request), *request.argv[1:]]
        env = {**request.env, **self._variables(profile)}
        told, writer = os.pipe()
        filter, arguments = _to_memory(_filter(profile)), _to_memory(bwrap.environment_arguments(env))
        line = bwrap.command_line(
            self.confinement,
            profile,
            mounts,
            program,
            cwd=request.cwd,
            descriptors=bwrap.Descriptors(filter, writer, arguments),
            standing=self._view.standing,
            terminal=request.terminal,
        )
        return Confined(line, {}, (filter, writer, arguments), told)

    def _variables(self, profile: Profile) -> dict[str, str]:
        """Caches below a home that can't be written to would make package managers fail."""
        home = self.confinement.home
        if profile == "full" or any(is_below(f"{home}/.cache", place) for place in self.confinement.writable):
            return {}
        return dict(_CACHES)

    def diagnose(self, request: Run) -> str:
        """Why bubblewrap could not set up the view: tried again with ``true`` and its own words caught."""
        confined = self.confine(Run(request.id, ["/bin/true"], request.cwd, request.env, request.profile))
        try:
            done = subprocess.run(
                confined.argv, env=confined.env, pass_fds=confined.inherited, capture_output=True, text=True,
                timeout=_DIAGNOSIS_S, check=False, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "bubblewrap does not come to an end"
        finally:
            for fd in (*confined.inherited, confined.status):
                os.close(fd)
        return done.stderr.strip()[-500:] or "bubblewrap ended without starting the command"


@functools.cache
def _filter(profile: Profile) -> bytes:
    """Made in the init, before the first command; the holders inherit it."""
    return seccomp.make_filter(platform.machine(), "full" if profile == "full" else "sandbox")


def _to_memory(content: bytes) -> int:
    memory = os.memfd_create("oad-sandbox", 0)
    view = memoryview(content)
    while view:
        view = view[os.write(memory, view) :]
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def find_program(request: Run) -> str:
    """Raises FileNotFoundError: bubblewrap's own failure could not be told from one of the command."""
    program = request.argv[0]
    if "/" in program:
        return program
    found = shutil.which(program, path=request.env.get("PATH", os.defpath))
    if found is None:
        raise FileNotFoundError(2, "No such file or directory", program)
    return found


def _program(request: Run) -> list[str]:
    return controlled(request) if request.terminal else request.argv


def has_started(report: bytes) -> bool:
    """Bubblewrap names an exit code only when the command was executed."""
    documents = [json.loads(line) for line in report.splitlines() if line.strip()]
    return any("exit-code" in document for document in documents)


def _sees(mounts: list[Mount], path: str) -> bool:
    resolved = os.path.realpath(path)
    around = [mount for mount in mounts if is_below(resolved, mount.path)]
    if not around:
        return Path(resolved).is_dir()
    nearest = max(around, key=lambda mount: len(mount.path))
    if nearest.kind == "tmp":
        return Path(nearest.source + resolved[len(nearest.path) :]).is_dir()
    return nearest.kind in ("read", "write") and Path(resolved).is_dir()
