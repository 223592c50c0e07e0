"""The holder of one call: a process that starts the command and keeps every orphan of it.

It is a subreaper, so whatever the command leaves behind (``setsid``, double fork, ``env -i``) stays below it and can be
found there; it lives as long as the call has descendants. It is forked by the session's init, which has one thread: a
parent-death signal therefore really means the death of the init.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable
from typing import Final, NamedTuple, NoReturn

import msgspec
import setproctitle

from oad.contract.broker import encode_status
from oad.contract.policy import Priority
from oad.contract.worker import Exited, Failed, Level, Run, Started

from . import priority, procs, rlimits, tree_kill
from .enclosure import Confined, Enclosure, has_started
from .session_network import SessionNetwork

_REPORT_BYTES: Final = 4096


class Pipes(NamedTuple):
    stdin: int
    stdout: int
    stderr: int
    status: int


class Surroundings(NamedTuple):
    """What the session's init has made ready for its commands."""

    enclosure: Enclosure
    network: SessionNetwork
    priority: Priority


def confine(request: Run, around: Surroundings, level: Level) -> Confined:
    """What is really executed. The one place for what a command may see and do: a sandbox wraps the arguments here,
    limits and filters are set on the calling process, which the command inherits them from."""
    rlimits.confine_process(request.limits, level)
    # The turn waits for its snapshots, as it does not for its commands: those may take as long as they take.
    priority.lower("polite" if request.snapshots and around.priority != "normal" else around.priority)
    around.network.enter()
    return around.enclosure.confine(msgspec.structs.replace(request, env=around.network.environment(request.env)))


def hold(request: Run, pipes: Pipes, *, session: str, level: Level, around: Surroundings) -> NoReturn:
    """Runs in the forked holder and ends it. The caller has blocked the signals in ``HEARD``."""
    try:
        settle((*pipes, *around.network.descriptors), session, f"call {request.id}", level)
    except BaseException as error:  # noqa: BLE001  as below
        os.write(pipes.status, encode_status(Failed(0, f"the holder failed: {error!r}")))
        os._exit(0)
    carry_out(request, pipes, session=session, level=level, around=around)


def settle(kept: Iterable[int], session: str, what: str, level: Level) -> None:
    """Makes a fork of the init a keeper of orphans, which needs no more than the descriptors in ``kept``."""
    procs.close_all_but(kept)
    os.setsid()
    procs.become_subreaper()
    # In a PID namespace the kernel kills all members with the init. Elsewhere a holder that died with it would
    # set its orphans free, so it is told instead, and kills them first.
    procs.die_with_parent(signal.SIGKILL if level == "pidns" else signal.SIGUSR2)
    setproctitle.setproctitle(f"oad-session {session} {what}")


def carry_out(request: Run, pipes: Pipes, *, session: str, level: Level, around: Surroundings) -> NoReturn:
    """Runs in the settled holder and ends it."""
    try:
        setproctitle.setproctitle(f"oad-session {session} call {request.id}")  # by which the daemon finds it
        Holder(pipes, around, level).run(request)
    except BaseException as error:  # noqa: BLE001  the last frame of this process; the caller must hear of it
        os.write(pipes.status, encode_status(Failed(0, f"the holder failed: {error!r}")))
    finally:
        os._exit(0)


HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR2)


class Holder:
    def __init__(self, pipes: Pipes, around: Surroundings, level: Level) -> None:
        self._pipes = pipes
        self._around = around
        self._level: Level = level
        self._confined = Confined([], {})
        self._early: list[int] = []
        self._command = 0

    def run(self, request: Run) -> None:
        self._request = request
        try:
            self._command = self._start(request)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            os.write(self._pipes.status, encode_status(_failure(request, error)))
            return
        for fd in set(self._pipes[:3]):
            os.close(fd)
        if request.terminal:
            self._report(Started())
        while self._reap():
            self._hear(self._early.pop() if self._early else signal.sigwait(HEARD))

    def _start(self, request: Run) -> int:
        if not request.argv:
            raise ValueError("no program is named")
        os.chdir(request.cwd)
        self._confined = confine(request, self._around, self._level)
        _reset_ignored_signals()
        # The command inherits the signal mask, so it must be open while it starts; what arrives then is heard later.
        for signum in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(signum, lambda number, _frame: self._early.append(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            # By vfork: no page tables are copied. The command leads a session of its own and inherits no descriptors.
            self._child = subprocess.Popen(
                self._confined.argv,
                env=self._confined.env,
                pass_fds=self._confined.inherited,
                stdin=self._pipes.stdin,
                stdout=self._pipes.stdout,
                stderr=self._pipes.stderr,
                start_new_session=not request.terminal,  # see ``controlled``
            )
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
            for fd in self._confined.inherited:
                os.close(fd)
        return self._child.pid

    def _hear(self, signum: int) -> None:
        if signum == signal.SIGTERM and self._command:
            self._terminate()
        elif signum == signal.SIGTERM:
            for process in tree_kill.walk_below(os.getpid()).living:
                tree_kill.send(process, signal.SIGTERM)
        elif signum == signal.SIGUSR2:
            tree_kill.kill_below(os.getpid(), reap=self._reap)

    def _terminate(self) -> None:
        """Bubblewrap itself is left alone: it would end at once, and with it a command that is still tidying up."""
        wrapped = self._confined.status >= 0
        for leader in procs.children(self._command) if wrapped else [self._command]:
            # The number is safe while the leader of the group has not been reaped, or its parent looks at it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGTERM)

    def _reap(self) -> bool:
        """False when the call has no descendants left."""
        status, left = None, True
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._command:
                    self._command, status = 0, os.waitstatus_to_exitcode(ended[1])
        except ChildProcessError:
            left = False
        if status is not None:
            self._report(self._judge(status, left=left))
        return left

    def _judge(self, status: int, *, left: bool) -> Exited | Failed:
        """Bubblewrap ends with the command's status, and also when it could not start it: nothing has run then."""
        if self._confined.status < 0 or status < 0 or has_started(os.read(self._confined.status, _REPORT_BYTES)):
            return Exited(status, left=left)
        return Failed(0, f"the sandbox can't be set up: {self._around.enclosure.diagnose(self._request)}")

    def _report(self, status: Started | Exited | Failed) -> None:
        # The pipe stays open: its end tells that the last descendant, and with it this process, has gone.
        with contextlib.suppress(OSError):  # nobody may be listening any more
            os.write(self._pipes.status, encode_status(status))


def _reset_ignored_signals() -> None:
    """An ignored signal stays ignored over exec. Popen itself restores the two that Python needs ignored."""
    for signum in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(signum) == signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)


def _failure(request: Run, error: Exception) -> Failed:
    if not isinstance(error, OSError):
        return Failed(0, f"cannot start {request.argv[:1]}: {error}")
    what = error.filename or request.argv[0]
    return Failed(error.errno or 0, f"cannot start {what}: {os.strerror(error.errno or 0)}")
