"""What a worker is told at its birth, and what passes between a worker and the exec broker of its session."""

from typing import Final, Literal, get_args

import msgspec

from .job import Usage
from .limits import CommandLimits
from .policy import Priority, Profile, ShellPolicy, SnapshotPolicy
from .sandbox import UNCONFINED, Confinement

WorkerKind = Literal["session", "project", "pty"]
WORKER_KINDS: Final[tuple[WorkerKind, ...]] = get_args(WorkerKind)
Level = Literal["pidns", "subreaper"]
AuditMode = Literal["off", "on", "required"]


class SnapshotPlace(msgspec.Struct, frozen=True):
    """Where snapshots of ``worktree`` are kept; with a ``problem`` there are none, and that is why."""

    directory: str = ""
    worktree: str = ""
    policy: SnapshotPolicy = SnapshotPolicy()
    problem: str = "nothing was said of a place for them"


class WorkerSpec(msgspec.Struct, frozen=True):
    """``endpoint`` is the daemon's ZeroMQ address for this worker alone; ``name`` the id of the session or of the
    terminal, or the directory."""

    kind: WorkerKind
    name: str
    directory: str
    endpoint: str
    scratch: str  # a private directory, writable
    writable: list[str]  # further roots that the worker's own file tools may write to
    audit: AuditMode = "off"  # what the worker is to report; "required": before it does it
    shell: ShellPolicy = ShellPolicy()
    pid: int = 0  # the worker's own as the host sees it, which only it is told
    log_level: str = "info"
    log_file: str = ""  # empty: to standard error only
    log_to_stderr: bool = False
    log_repeats: int = 10  # see LogPolicy
    confinement: Confinement = UNCONFINED
    limits: CommandLimits = CommandLimits()  # the operator's, for every command whatever the worker says
    snapshots: SnapshotPlace = SnapshotPlace()
    priority: Priority = "normal"  # of its commands


class Run(msgspec.Struct, tag="run", frozen=True):
    """Start a program under a holder of its own. Descriptors sent along: stdin, stdout, stderr, status pipe."""

    id: int
    argv: list[str]
    cwd: str
    env: dict[str, str]
    profile: Profile | None = None  # None: the session's
    limits: CommandLimits = CommandLimits()
    terminal: bool = False  # the three streams are one, and shall control the program
    snapshots: bool = False  # sees the workspace read-only, and the place of its snapshots writable
    reader: bool = False  # a program of oad's own choice that only reads, under the profile read-only


class Terminate(msgspec.Struct, tag="terminate", frozen=True):
    """TERM to the direct child of a call and to its process group; once that has ended, to every process that it left.
    Advice only: Destroy is what ends a call."""

    id: int


class Destroy(msgspec.Struct, tag="destroy", frozen=True):
    """Freeze, walk and kill everything under the call's holder; answered by Destroyed."""

    id: int


class DestroyAll(msgspec.Struct, tag="destroy_all", frozen=True):
    """Destroy for all calls of the session, ended ones with survivors included; answered by one Destroyed, id 0."""

    id: int = 0


class Destroyed(msgspec.Struct, tag="destroyed", frozen=True):
    """``survivors`` is 0 unless the budget ran out."""

    id: int
    killed: int
    rounds: int
    survivors: int = 0


class Measure(msgspec.Struct, tag="measure", frozen=True):
    """What the processes of a call use now; answered by Measured."""

    id: int


class Measured(msgspec.Struct, tag="measured", frozen=True):
    """``usage`` is None for a call that has ended."""

    id: int
    usage: Usage | None


class Started(msgspec.Struct, tag="started", frozen=True):
    """On the status pipe of a call with a terminal, ahead of everything: its program has been started."""


class Exited(msgspec.Struct, tag="exited", frozen=True):
    """On the status pipe of a call: its direct child ended. ``status`` is negative for a signal. ``left``: descendants
    of it live on; the pipe ends when the last of them has."""

    status: int
    left: bool = False


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """On the status pipe of a call: nothing was started."""

    errno: int
    text: str


BrokerRequest = Run | Terminate | Destroy | DestroyAll | Measure
BrokerAnswer = Destroyed | Measured
CallEnd = Exited | Failed
CallStatus = Started | CallEnd
