"""How a session's init comes to be a child of the daemon.

The zygote forks a middleman, the middleman enters the new PID namespace and forks the init, then exits: the kernel
gives the init to the nearest subreaper, which is the daemon. So the daemon owns its pidfd and its exit status, and the
death of the zygote costs no session.
"""

import gc
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import NoReturn

import msgspec

from oad.contract.worker import Level, WorkerSpec

from . import procs
from .enclosure import Enclosure
from .session_init import Stillborn, run_session


class Birth(msgspec.Struct, tag="birth", frozen=True):
    """A request to the zygote; it comes with the control socket of the new init."""

    spec: WorkerSpec
    entry: str


class _StepFailed(Exception):
    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(step)
        self.step, self.error = step, error


def give_birth(birth: Birth, level: Level, control: socket.socket) -> None:
    """Returns in the zygote, when the middleman is gone. What happened, the init or the middleman tells the daemon over
    ``control``; silence there, that is end of stream, means that one of them was killed."""
    middleman = os.fork()
    if middleman == 0:
        _be_middleman(birth, level, control)
    os.waitpid(middleman, 0)


def _be_middleman(birth: Birth, level: Level, control: socket.socket) -> NoReturn:
    try:
        # The init waits for this process's end by its pidfd, so it must exist before the fork.
        procs.close_all_but([control.fileno()])
        myself = os.pidfd_open(os.getpid())
        if level == "pidns":
            _step("enter a PID namespace", procs.enter_pid_namespace)
        if os.fork() == 0:
            _be_init(birth, level, control, myself)
    except _StepFailed as failure:
        _tell(control, failure.step, failure.error)
    except OSError as error:
        _tell(control, "fork", error)
    finally:
        os._exit(0)


def _be_init(birth: Birth, level: Level, control: socket.socket, middleman: int) -> NoReturn:
    try:
        os.setsid()
        _await_adoption(middleman)
        # In a namespace SIGKILL is enough, it takes all members along. Elsewhere the init is told, and kills them.
        procs.die_with_parent(signal.SIGKILL if level == "pidns" else signal.SIGUSR2)
        _exit_if_orphaned(control)
        host = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if level == "pidns":
            _step("mount a private /proc", procs.mount_private_proc)
        enclosure = Enclosure(birth.spec.confinement, kept=_kept(birth.spec))
        _step("set up the sandbox", enclosure.enter)
        gc.enable()
        run_session(birth.spec, birth.entry, level, control, enclosure, host)
    except _StepFailed as failure:
        _tell(control, failure.step, failure.error)
    finally:
        os._exit(70)


def _kept(spec: WorkerSpec) -> tuple[str, ...]:
    """What the worker itself still has to open when oad's own places are hidden."""
    return tuple(filter(None, (spec.endpoint.removeprefix("ipc://"), spec.log_file, spec.confinement.proxy)))


def _await_adoption(middleman: int) -> None:
    """A parent-death signal armed while the middleman is still our parent would kill us with its exit. End of stream
    on a pipe of the middleman proves nothing, files are closed before children are re-parented; its pidfd becomes
    readable after that."""
    poll = select.poll()
    poll.register(middleman, select.POLLIN)
    poll.poll()
    os.close(middleman)


def _exit_if_orphaned(control: socket.socket) -> None:
    """The daemon may have died before the parent-death signal was armed; then its end of the socket is closed."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    if poll.poll(0):
        os._exit(0)


def _step(name: str, act: Callable[[], None]) -> None:
    try:
        act()
    except OSError as error:
        raise _StepFailed(name, error) from error


def _tell(control: socket.socket, step: str, error: OSError) -> None:
    control.send(msgspec.msgpack.encode(Stillborn(step, error.errno or 0, error.strerror or str(error))))
