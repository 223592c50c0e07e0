"""The init of a session: PID 1 of its namespace, reaper of its orphans, and broker of its programs.

One thread, no event loop, standard library and msgspec only: a parent-death signal follows the *thread* that forked,
and trio forks on threads that end after ten idle seconds. It forks the worker first, then serves its requests, and
ends with it: when the worker exits, nothing of the session is left.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import NoReturn, cast

import msgspec
import setproctitle

from oad.contract.broker import encode_answer, receive_request
from oad.contract.worker import (
    BrokerAnswer,
    BrokerRequest,
    Destroy,
    DestroyAll,
    Destroyed,
    Level,
    Measure,
    Measured,
    Run,
    Terminate,
    WorkerSpec,
)

from . import holder, procs, tree_kill
from .enclosure import Enclosure
from .reserve import Reserve
from .session_network import SessionNetwork
from .usage import measure

Entry = Callable[[WorkerSpec, int], int]


class Born(msgspec.Struct, tag="born", frozen=True):
    """To the daemon, with two descriptors: pidfds of the init and of the worker."""

    level: Level


class Stillborn(msgspec.Struct, tag="stillborn", frozen=True):
    """To the daemon instead of Born: the step that failed, and why."""

    step: str
    errno: int
    text: str


def resolve(entry: str) -> Entry:
    """``package.module:function``. By name, because the daemon's code knows nothing of the workers'."""
    module, _, name = entry.partition(":")
    return cast("Entry", getattr(importlib.import_module(module), name))


def run_session(
    spec: WorkerSpec, entry: str, level: Level, control: socket.socket, enclosure: Enclosure, host: int
) -> NoReturn:
    """Runs in the forked init, child of the daemon already, and ends it with the worker's status; 128 + n when signal
    n ended the worker. ``control`` leads to the daemon, its end of stream means that the daemon is gone. ``host``: the
    daemon's ``/proc``, in which the worker finds its number; it is closed before any program runs."""
    status = 70
    try:
        status = _Session(spec, entry, level, control, enclosure, host).run()
    finally:
        os._exit(status)


class _Session:
    def __init__(
        self, spec: WorkerSpec, entry: str, level: Level, control: socket.socket, enclosure: Enclosure, host: int
    ) -> None:
        self._host = host
        self._spec, self._entry, self._control = spec, entry, control
        self._level: Level = level
        self._enclosure = enclosure
        self._network = SessionNetwork(spec.name, spec.confinement)
        self._signals = procs.open_signalfd(holder.HEARD)
        self._broker, self._workers_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._worker = 0
        self._calls: dict[int, int] = {}  # call id -> holder
        self._reserve = Reserve()

    def run(self) -> int:
        setproctitle.setproctitle(f"oad-session {self._spec.name} init")
        procs.hide_memory()
        if self._level == "subreaper":
            procs.become_subreaper()
        self._fork_worker()
        self._enclosure.shield_worker()
        self._announce()
        status = self._serve()
        # Leaving a PID namespace kills its members; elsewhere that is our work.
        if self._level == "subreaper":
            tree_kill.kill_below(os.getpid(), reap=self._reap)
        return status

    def _fork_worker(self) -> None:
        # Until the worker listens to it, a request to cancel must not kill it.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self._worker = os.fork()
        if self._worker == 0:
            self._become_worker()
        self._workers_end.close()
        os.close(self._host)

    def _become_worker(self) -> NoReturn:
        status = 70
        try:
            fd = self._workers_end.detach()
            spec = msgspec.structs.replace(self._spec, pid=int(os.readlink("self", dir_fd=self._host)))
            procs.close_all_but([fd])
            procs.die_with_parent(signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            setproctitle.setproctitle(f"oad-session {self._spec.name} worker")
            gc.enable()
            status = resolve(self._entry)(spec, fd)
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:  # noqa: BLE001  the last frame of this process
            import traceback

            traceback.print_exc()
        finally:
            _flush()
            os._exit(status & 0xFF)

    def _announce(self) -> None:
        pidfds = [os.pidfd_open(os.getpid()), os.pidfd_open(self._worker)]
        socket.send_fds(self._control, [msgspec.msgpack.encode(Born(self._level))], pidfds)
        for fd in pidfds:
            os.close(fd)

    def _serve(self) -> int:
        poll = select.poll()
        for fd in (self._signals, self._broker.fileno(), self._control.fileno()):
            poll.register(fd, select.POLLIN)
        while True:
            wait_ms = self._network.tend(poll)
            ready = poll.poll(self._reserve.due_ms or wait_ms)
            if not ready and self._reserve.due_ms:
                self._reserve.fork(self._spec.name, self._level, self._around())
            for fd, _ in ready:
                if self._network.owns(fd):
                    self._network.on_event(poll)
                elif fd == self._signals:
                    status = self._on_signals()
                    if status is not None:
                        return status
                elif fd == self._control.fileno():
                    return 0  # the daemon is gone
                elif not self._on_request():
                    poll.unregister(self._broker)  # the worker is leaving; its exit ends us

    def _on_signals(self) -> int | None:
        """The exit status, when it is time to leave."""
        arrived = procs.read_signalfd(self._signals)
        status = self._reap()
        if status is not None:
            return status
        return 0 if self._level == "subreaper" and signal.SIGUSR2 in arrived else None

    def _reap(self) -> int | None:
        """The worker's status, when it is among the dead."""
        status, lost = None, False
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._worker:
                    code = os.waitstatus_to_exitcode(ended[1])
                    status = code if code >= 0 else 128 - code
                lost |= self._forget(ended[0]) and os.WIFSIGNALED(ended[1])
        if lost:
            self._kill_strays()
        return status

    def _forget(self, pid: int) -> bool:
        self._reserve.forget(pid)
        call = next((call for call, keeper in self._calls.items() if keeper == pid), None)
        if call is None:
            return False
        self._reserve.plan(busy=False)
        del self._calls[call]
        return True

    def _kill_strays(self) -> tree_kill.Killed:
        """Whoever is our child without being the worker or a holder has lost its holder to a signal, and with it the
        call that it belonged to: a command must not get away by killing its keeper."""
        return tree_kill.kill_below(os.getpid(), spare=self._known(), reap=self._reap_strays)

    def _reap_strays(self) -> None:
        # One by one, for the death of the worker or of a holder must stay for _reap to see.
        self._reap_all_but(self._known())

    def _known(self) -> set[int]:
        return {self._worker, self._reserve.pid, *self._calls.values()}

    def _reap_but_worker(self) -> None:
        self._reap_all_but({self._worker, self._reserve.pid})

    def _reap_all_but(self, known: set[int]) -> None:
        for pid in procs.children(os.getpid()):
            if pid not in known and os.waitpid(pid, os.WNOHANG)[0]:
                self._forget(pid)

    def _on_request(self) -> bool:
        """False at the end of the stream."""
        try:
            received = receive_request(self._broker)
        except (msgspec.DecodeError, ConnectionError):
            return False  # only a broken worker does that: it will find the broker gone
        if received is None:
            return False
        request, fds = received
        try:
            self._answer(request, fds)
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _answer(self, request: BrokerRequest, fds: list[int]) -> None:
        match request:
            case Run():
                self._fork_holder(request, holder.Pipes(*fds))
            case Terminate(id):
                if keeper := self._calls.get(id):
                    os.kill(keeper, signal.SIGTERM)  # our own child, not reaped: the number is its
            case Destroy(id):
                self._confirm(self._destroy(id))
            case DestroyAll():
                self._confirm(self._destroy_all())
            case Measure(id):
                self._confirm(self._measure(id))

    def _confirm(self, answer: BrokerAnswer) -> None:
        with contextlib.suppress(ConnectionError):
            self._broker.send(encode_answer(answer))

    def _measure(self, call: int) -> Measured:
        keeper = self._calls.get(call)
        return Measured(call, measure(keeper) if keeper is not None else None)

    def _destroy_all(self) -> Destroyed:
        ended = tree_kill.kill_below(os.getpid(), spare={self._worker, self._reserve.pid}, reap=self._reap_but_worker)
        return Destroyed(0, *ended)

    def _fork_holder(self, request: Run, pipes: holder.Pipes) -> None:
        # A worker may ask for less than the operator allows; for more it asks in vain.
        request = msgspec.structs.replace(request, limits=request.limits.within(self._spec.limits))
        is_ready = self._network.prepare()
        pid = self._reserve.take(request, pipes) if is_ready else 0
        if pid == 0:
            pid = os.fork()
        if pid == 0:
            holder.hold(request, pipes, session=self._spec.name, level=self._level, around=self._around())
        if is_ready:
            self._reserve.plan(busy=True)
        self._calls[request.id] = pid

    def _around(self) -> holder.Surroundings:
        return holder.Surroundings(self._enclosure, self._network, self._spec.priority)

    def _destroy(self, call: int) -> Destroyed:
        keeper = self._calls.get(call)
        if keeper is None:
            return Destroyed(call, 0, 0)
        below = tree_kill.kill_below(keeper)
        # The holder itself may have been stopped, or may be starting its command this moment; after its death
        # whatever it had is ours, and unknown.
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)
        self._forget(keeper)
        left = self._kill_strays()
        return Destroyed(call, below.killed + left.killed, below.rounds + left.rounds, left.survivors)


def _flush() -> None:
    import sys

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
