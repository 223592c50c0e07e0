"""The small parent of a foreground server: runs what the units run under systemd, side by side, and restarts what dies.

It has one thread, no event loop and no ZeroMQ context, so that it may fork at any time; its children share the memory
of the modules that it has imported. They die with it, whatever ends it: each has asked the kernel for that.
"""

import contextlib
import fcntl
import gc
import os
import random
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from oad.daemon import procs
from oad.service_manager import ServiceManager

from .heartbeats import Heartbeats

_log = structlog.get_logger("oad.parent")

_STABLE_S: Final = 10.0
_DELAYS_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_GIVE_UP: Final = 8  # deaths in a row, none of them after a stable time
_STOP_S: Final = 15.0
_NO_MANAGER: Final = ServiceManager()
FATAL_STATUS: Final = 78  # a child that can't ever run here (taken data directory, unreadable file): no restart

_STOPPING: Final = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Program(msgspec.Struct):
    """One child and its restarts. ``main`` runs in the fork and returns the exit status. With a ``door``, a listening
    socket, it runs only from when somebody knocks there."""

    name: str
    main: Callable[[], int]
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float = 0.0  # when to start it (again)
    door: socket.socket | None = None

    @property
    def is_wanted(self) -> bool:
        return self.door is None or bool(select.select([self.door], [], [], 0)[0])


class Parent:
    """``programs`` are started and stopped in order. ``log_file`` is only named in messages. ``drain_s``: so long the
    first of them may take for its stop, beyond what all of them have together."""

    def __init__(
        self,
        programs: list[Program],
        *,
        log_file: str = "the log",
        drain_s: float = 0.0,
        manager: ServiceManager = _NO_MANAGER,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        self._programs = programs
        self._heartbeats = heartbeats
        self._stop_s = _STOP_S + drain_s
        self._manager = manager
        self._log_file = log_file
        self._status: int | None = None
        self._watched = _STOPPING | {signal.SIGCHLD, signal.SIGIO}

    def run(self, status: str = "") -> int:
        """Until SIGTERM, SIGINT or a child's final failure; returns the exit status. Nothing is left then. ``status``
        is what the service manager is told when all is started."""
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            self._watched.discard(signal.SIGHUP)  # nohup; a blocked signal would arrive although it is ignored
        signal.pthread_sigmask(signal.SIG_BLOCK, self._watched)
        for program in self._programs:
            if program.door is not None:
                _signal_knocks(program.door)
        procs.become_subreaper()  # an escapee of a daemon that was killed comes here, and is killed
        gc.collect()
        gc.freeze()
        self._start_due()
        self._manager.ready(status)
        while self._status is None:
            self._start_due()
            self._wait()
            self._end_frozen()
            self._manager.beat()
        self._stop()
        return self._status

    def _start_due(self) -> None:
        now = time.monotonic()
        for program in self._programs:
            if not program.pid and program.due <= now and program.is_wanted:
                self._start(program, now)

    def _start(self, program: Program, now: float) -> None:
        parent = os.getpid()
        program.pid = os.fork()
        program.started = now
        if program.pid == 0:
            if self._heartbeats is not None:
                self._heartbeats.close()
            os._exit(_run_child(program, parent))

    def _wait(self) -> None:
        received = signal.sigtimedwait(self._watched, self._patience(time.monotonic()))
        if received is None:
            return
        if received.si_signo == signal.SIGCHLD:
            self._reap()
        elif received.si_signo != signal.SIGIO:  # a knock or a heartbeat, which the next look sees
            _log.info("stopping", signal=signal.Signals(received.si_signo).name)
            self._status = 0

    def _patience(self, now: float) -> float:
        """Seconds until something is due even if no signal comes."""
        due = [max(p.due - now, 0) for p in self._programs if not p.pid and p.is_wanted]
        look = self._heartbeats.look_in(now) if self._heartbeats is not None else None
        return min([*due, *([] if look is None else [look]), self._manager.interval_s or 3600.0])

    def _end_frozen(self) -> None:
        """Whoever is frozen can't end by itself: as a unit of systemd's it would be killed too."""
        if self._heartbeats is None:
            return
        for pid in self._heartbeats.find_frozen(time.monotonic()):
            for program in self._programs:
                if program.pid == pid:
                    _log.error("a process is frozen, and is killed", program=program.name)
                    _signal(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while (ended := _collect()) is not None:
            pid, status = ended
            program = next((p for p in self._programs if p.pid == pid), None)
            if program is not None:
                self._note_end(program, status)
        self._sweep()

    def _note_end(self, program: Program, status: int) -> None:
        now = time.monotonic()
        stable = now - program.started > _STABLE_S
        if self._heartbeats is not None:
            self._heartbeats.forget(program.pid)
        program.pid = 0
        program.failures = 0 if stable else program.failures + 1
        program.due = now + _DELAYS_S[min(program.failures, len(_DELAYS_S) - 1)] * random.uniform(1, 1.2)  # noqa: S311
        _log.error("a process ended", program=program.name, status=status, restart_in_s=round(program.due - now, 1))
        if status == FATAL_STATUS or program.failures >= _GIVE_UP:
            self._status = 1
            reason = "can't run here" if status == FATAL_STATUS else f"failed {program.failures} times in a row"
            _complain(f"giving up: {program.name} {reason} (status {status}); see {self._log_file}")
        elif program.failures == 1:
            _complain(f"{program.name} ended with status {status} and is started again; see {self._log_file}")

    def _sweep(self) -> None:
        """Orphans of dead children: whoever is adopted by us and is none of ours has lost its keeper."""
        ours = {p.pid for p in self._programs}
        for pid in procs.children(os.getpid()):
            if pid not in ours:
                _signal(pid, signal.SIGKILL)

    def _stop(self) -> None:
        """Lets the programs drain one after another, in the order in which they are listed; a second signal to stop
        means: at once. The daemon, which comes first, aborts what runs. Through gateways that are still there its
        clients are told so: most of them never ask what they missed while they were not connected."""
        self._manager.stopping("ending what runs", within_s=self._stop_s + _STOP_S)
        deadline = time.monotonic() + self._stop_s
        for program in self._programs:
            if program.pid:
                _signal(program.pid, signal.SIGTERM)
            while program.pid and time.monotonic() < deadline:
                received = signal.sigtimedwait(self._watched, 0.5)
                self._forget_ended()
                self._manager.beat()
                if received is not None and received.si_signo in _STOPPING:
                    deadline = 0.0
        self._kill_rest()

    def _kill_rest(self) -> None:
        for program in self._programs:
            if program.pid:
                _log.error("a process did not stop in time", program=program.name)
                _signal(program.pid, signal.SIGKILL)
        while procs.children(os.getpid()):
            self._sweep()
            self._forget_ended()
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)

    def _forget_ended(self) -> None:
        while (ended := _collect()) is not None:
            for program in self._programs:
                if program.pid == ended[0]:
                    program.pid = 0


def _signal_knocks(door: socket.socket) -> None:
    """Has the kernel send this process SIGIO for each connection: a process without a loop waits for signals alone.
    The setting belongs to the socket, which the children share; the signal comes here all the same."""
    fcntl.fcntl(door, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(door, fcntl.F_SETFL, fcntl.fcntl(door, fcntl.F_GETFL) | os.O_ASYNC)


def _run_child(program: Program, parent: int) -> int:
    """In the fork: as a fresh process would be, dying with its parent."""
    procs.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return 1  # it died before we could ask for that
    # A session of its own: Ctrl-C and a closed terminal reach the parent alone, which stops the others in order.
    os.setsid()
    _detach_streams()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING | {signal.SIGCHLD, signal.SIGIO})
    # What was frozen stays so: collections would write to memory that the children share.
    try:
        return program.main()
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001  the boundary of a process: its death must leave a trace
        _log.exception("process failed", program=program.name)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _detach_streams() -> None:
    """Nothing reads from the terminal, and nothing but the greeting goes to standard output."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)


def _complain(text: str) -> None:
    """Standard error may be gone with the terminal; the log has it all."""
    with contextlib.suppress(OSError):
        print(f"oad: {text}", file=sys.stderr, flush=True)


def _collect() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _signal(pid: int, number: int) -> None:
    # A child of ours that we have not collected: its number can't be anybody else's.
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
