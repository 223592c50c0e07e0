"""Client of the session's exec broker: the only way in which anything of a session starts a program.

The worker runs trio, whose threads would make a child with a parent-death signal die after ten seconds; the session's
init is single-threaded, owns the process tree, and forks a holder per call under which every orphan of the call stays.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from oad.contract.limits import LimitHit
from oad.contract.policy import Profile
from oad.contract.proxy import Decision


class Terminal(msgspec.Struct, frozen=True):
    """``descriptor`` is what the program shall be controlled by, and read from and write to; it stays the caller's, who
    moves the bytes at its other end. ``started`` is called when the program runs."""

    descriptor: int
    started: Callable[[], None]


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
    reader: bool = False  # for ripgrep, and git that runs nothing: it only reads, and starts sooner
    shown: str = ""
    call_id: str = ""
    terminal: Terminal | None = None  # instead of pipes: nothing is handed to ``on_stdout`` then


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

    def open(self, command: Command, *, grace_s: float = 0.2) -> AbstractAsyncContextManager["Running"]:
        """For a program that is spoken with as long as the block lasts: a server on its standard streams. Its standard
        error is apart, ``stdin`` of the command is not used, and it has no time limit. Leaving the block in any way
        ends it: end of input, TERM, after ``grace_s`` freeze, walk and kill of the call's tree; nothing of it is left
        then. Raises ExecFailed when it must not be started, or the broker is gone; that it could not be started is
        learned like its end."""
        ...


class Running(Protocol):
    """A program that is being spoken with. Its life is that of its direct child: what that leaves running ends with it.

    Of its output as much is taken per minute as a command may write in all; it is ended for more."""

    async def read(self) -> bytes:
        """What it has written, as it comes; empty once it has closed its output, or ended. What is not read makes it
        wait. The bytes are as they were: what is shown of them must be redacted by whoever takes them apart."""
        ...

    async def write(self, data: bytes) -> None:
        """All of it, or an exception: Raises ProgramEnded, which says why. Writers wait for each other. One that is
        cancelled may have written a part."""
        ...

    def close_input(self) -> None: ...

    def complaints(self) -> str:
        """The newest that it has written to its standard error, redacted."""
        ...

    async def wait(self) -> Outcome:
        """Until nothing of it is left. Raises ExecFailed when it could not be started. May be called again."""
        ...

    async def end(self, grace_s: float = 0.2) -> None:
        """As leaving the block does. May be called again, also side by side."""
        ...


class ExecFailed(Exception):
    """The program could not be started: not found, not executable, broker gone. ``errno`` is 0 where the system did not
    refuse the program itself."""

    def __init__(self, text: str, errno: int = 0) -> None:
        super().__init__(text)
        self.errno = errno


class ProgramEnded(Exception):
    """It does not take input any more; the text says how it ended, and what it last complained of."""
