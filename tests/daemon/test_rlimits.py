"""Limits that the kernel keeps, on real commands."""

import resource
import signal
from collections.abc import Callable

import pytest
from process_host import Host, Session

from oad.contract.limits import CommandLimits
from oad.daemon import rlimits
from oad.daemon.rlimits import NPROC_SLACK, Rlimit, plan


def test_what_is_set() -> None:
    limits = CommandLimits(open_files=64, file_size_mb=2, processes=10)
    assert plan(limits, counts_session=True) == [
        Rlimit(resource.RLIMIT_CORE, 0),
        Rlimit(resource.RLIMIT_NOFILE, 64),
        Rlimit(resource.RLIMIT_FSIZE, 2 * 1024 * 1024),
        Rlimit(resource.RLIMIT_NPROC, 10 + NPROC_SLACK),
    ]
    assert len(plan(limits, counts_session=False)) == 3  # it would count other sessions' processes
    assert plan(CommandLimits(), counts_session=True) == [Rlimit(resource.RLIMIT_CORE, 0)]


def test_processes_are_only_left_to_a_kernel_that_counts_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rlimits.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(rlimits, "_kernel", lambda: (5, 14))
    assert rlimits.kernel_counts_session("pidns")
    assert not rlimits.kernel_counts_session("subreaper")
    monkeypatch.setattr(rlimits, "_kernel", lambda: (5, 10))
    assert not rlimits.kernel_counts_session("pidns")
    monkeypatch.setattr(rlimits, "_kernel", lambda: (6, 1))
    monkeypatch.setattr(rlimits.os, "geteuid", lambda: 0)
    assert not rlimits.kernel_counts_session("pidns")


def test_open_files_and_file_size(any_host: Host, open_session: Callable[[Host], Session]) -> None:
    session = open_session(any_host)
    limits = {"openFiles": 40, "fileSizeMb": 1}
    assert session.run("bash", "-c", "ulimit -n; ulimit -Hn; ulimit -c", limits=limits)["out"] == "40\n40\n0\n"
    assert session.run("bash", "-c", "ulimit -n 50", limits=limits)["exit"] != 0
    text = (
        "import os; f = os.memfd_create('f'); os.write(f, bytes(1 << 20)); print('full', flush=True); os.write(f, b'1')"
    )
    result = session.run("python3", "-S", "-c", f"import signal; signal.signal(25, 0); {text}", limits=limits)
    assert (result["out"], result["exit"]) == ("full\n", -signal.SIGXFSZ)
    assert session.run("bash", "-c", "ulimit -n", limits={})["out"] != "40\n"


BOMB = """
import os, sys
made = 0
try:
    for made in range(100):
        if os.fork() == 0:
            os.read(0, 1) if False else __import__("signal").pause()
except BlockingIOError:
    pass
print(made, flush=True)
os.kill(-1, 9) if os.getpid() == 1 else None
"""


def test_the_kernel_stops_forks_of_an_unprivileged_session_alone(
    any_host: Host, open_session: Callable[[Host], Session], request: pytest.FixtureRequest
) -> None:
    session, neighbour = open_session(any_host), open_session(any_host)
    made = int(session.run("python3", "-S", "-c", BOMB, limits={"processes": 20})["out"])
    if "nobody pidns" in request.node.name:
        assert 20 < made < 20 + NPROC_SLACK  # the worker, its threads and the holder count too
    else:
        assert made == 99  # left to the governor
    result = neighbour.run("python3", "-S", "-c", BOMB.replace("100", "10"), limits={"processes": 20})
    assert result["out"] == "9\n"
