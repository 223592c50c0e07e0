"""Client of the session's exec broker: the only way in which anything of a session starts a program.

The worker runs trio, whose threads would make a child with a parent-death signal die after ten seconds; the session's
init is single-threaded, owns the process tree, and forks a holder per call under which every orphan of the call stays.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from oad.contract.limits import LimitHit
from oad.contract.policy import Profile
from oad.contract.proxy import Decision


class Command(msgspec.Struct, frozen=True):
    """``env`` is the whole environment of the program, nothing is inherited. ``stdin`` is written and closed.
    ``profile`` of the sandbox: None is the session's; more than the session's ceiling is not given.

    ``shown`` is the command as people know it, ``call_id`` the tool call that runs it; for lists of jobs."""

    argv: list[str]
    cwd: str
    env: dict[str, str]
    stdin: bytes = b""
    merge_stderr: bool = True
    profile: Profile | None = None
    snapshots: bool = False  # oad's own work on snapshots: what it writes counts for no limit of the session
    shown: str = ""
    call_id: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """``exit`` is the exit code, negative for a signal; None when the call was killed before it ended by itself."""

    exit: int | None
    timed_out: bool = False
    left_running: bool = False  # the command ended, but a descendant of it lives on
    job: str | None = None  # its handle, where jobs are kept
    job_output: str | None = None  # the file in which what it writes from now on is kept
    limit: LimitHit | None = None  # what it was stopped for
    denied: tuple[Decision, ...] = ()  # connections that the network policy denied the session meanwhile


Chunk = Callable[[bytes], Awaitable[None]]


class Exec(Protocol):
    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        """Runs to the end of the direct child. On timeout: TERM, after ``grace_s`` freeze, walk and kill
        the call's tree. On cancellation likewise, and it returns (shielded) only when nothing of the call is left.
        A descendant that lives on does not delay the return; it is a job from then on, see ``workers.jobs``.
        Raises ExecFailed when the program could not be started."""
        ...


class ExecFailed(Exception):
    """The program could not be started: not found, not executable, broker gone."""
