"""What the wrappers say about processes that are known."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from oad.daemon import procs


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_stat(child: "subprocess.Popen[bytes]") -> None:
    stat = procs.read_stat(child.pid)
    assert stat and stat.parent == os.getpid()
    assert procs.identify(child.pid) == procs.Process(child.pid, stat.start)
    assert child.pid in procs.children(os.getpid())
    assert child.pid in procs.descendants(os.getpid())


def test_a_command_name_with_parentheses_and_spaces() -> None:
    pid = os.fork()
    if pid == 0:
        with open("/proc/self/comm", "w") as comm:
            comm.write("a) b (c")
        signal.pause()
    try:
        while (stat := procs.read_stat(pid)) is None or stat.state != "S":
            pass
        assert stat.parent == os.getpid()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_nobody_there() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert procs.read_stat(pid) is None
    assert procs.children(pid) == []


def test_pid_of_a_pidfd(child: "subprocess.Popen[bytes]") -> None:
    pidfd = os.pidfd_open(child.pid)
    assert procs.pid_of(pidfd) == child.pid
    child.kill()
    child.wait()
    assert procs.pid_of(pidfd) == -1
    os.close(pidfd)


def test_errors_carry_their_number() -> None:
    with pytest.raises(OSError, match="prctl") as caught:
        procs.prctl(9999, 0)
    assert caught.value.errno


def test_signals_become_readable() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    fd = procs.open_signalfd([signal.SIGUSR2])
    try:
        assert procs.read_signalfd(fd) == []
        # To this thread: another one, left by an earlier test, does not block the signal and would die of it.
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)
        assert procs.read_signalfd(fd) == [signal.SIGUSR2]
    finally:
        os.close(fd)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
