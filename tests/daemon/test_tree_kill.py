"""Signals go to the process that was meant, or to none."""

import os
import signal
import subprocess

import pytest

from oad.daemon import procs, tree_kill


def test_only_the_very_process_is_signalled() -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        process = procs.identify(child.pid)
        assert process
        assert not tree_kill.send(process._replace(start=process.start - 1), signal.SIGKILL)
        assert child.poll() is None
        assert tree_kill.send(process, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert not tree_kill.send(process, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()


@pytest.fixture
def others() -> set[int]:
    """What this process runs for other tests, such as servers that they share."""
    return set(procs.children(os.getpid()))


def test_the_spared_and_what_is_below_them_live(others: set[int]) -> None:
    spared = subprocess.Popen(["bash", "-c", "sleep 600 & echo; wait"], stdout=subprocess.PIPE)
    doomed = subprocess.Popen(["bash", "-c", "sleep 600 & echo; wait"], stdout=subprocess.PIPE)
    try:
        for process in (spared, doomed):
            assert process.stdout and process.stdout.readline()
        below = procs.children(spared.pid)
        result = tree_kill.kill_below(os.getpid(), spare={spared.pid, *others})
        assert (result.killed, result.survivors) == (2, 0)
        assert doomed.wait() == -signal.SIGKILL
        assert spared.poll() is None
        assert procs.children(spared.pid) == below
    finally:
        tree_kill.kill_below(os.getpid(), spare=others)
        for process in (spared, doomed):
            process.wait()
            assert process.stdout
            process.stdout.close()


def test_a_budget_that_is_too_small_is_admitted(others: set[int]) -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        assert tree_kill.kill_below(os.getpid(), spare=others, budget_s=-1.0) == (0, 0, 1)
    finally:
        child.kill()
        child.wait()


def test_a_walk_tells_who_is_stopped_already() -> None:
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    try:
        os.kill(children[0].pid, signal.SIGSTOP)
        os.waitid(os.P_PID, children[0].pid, os.WSTOPPED | os.WNOWAIT)
        walk = tree_kill.walk_below(os.getpid())
        ours = {child.pid for child in children}
        assert {process.pid for process in walk.living} & ours == ours
        assert {process.pid for process in walk.running} & ours == {children[1].pid}
    finally:
        for child in children:
            child.kill()
            child.wait()
