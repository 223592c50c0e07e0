"""Freeze, walk, kill: ends a process tree whose members may be forking as fast as they can.

Process groups do not do it: five of six ways to escape survive ``killpg``. A walk does, as long as its caller is the
subreaper of the tree, because then no member can leave: whoever loses its parent becomes the caller's child. All
found are first stopped, so that they cannot fork while the rest is looked for, then killed; and this is repeated until
a walk finds nobody. A process that changes its pid thousands of times a second is caught after some dozen rounds.
"""

import os
import signal
import time
from collections.abc import Callable, Container
from typing import NamedTuple

from . import procs

BUDGET_S = 2.0
_PAUSE_S = 0.0005


class Killed(NamedTuple):
    """``survivors`` is 0 unless the budget ran out."""

    killed: int
    rounds: int
    survivors: int


def send(process: procs.Process, signum: int) -> bool:
    """Signals exactly this process: a later one with the same number is left alone. False when it is gone."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        # The pidfd pins the process, so what is read after opening it is about the one that will be signalled.
        if procs.identify(process.pid) != process:
            return False
        signal.pidfd_send_signal(pidfd, signum)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


class Walk(NamedTuple):
    living: list[procs.Process]
    running: list[procs.Process]  # those of them that are not stopped
    listed: set[int]  # zombies included


def walk_below(root: int, spare: Container[int] = ()) -> Walk:
    """All descendants of ``root`` without those in ``spare`` and what is below them."""
    walk = Walk([], [], set())
    todo = [root]
    while todo:
        for pid in procs.children(todo.pop()):
            if pid in spare:
                continue
            todo.append(pid)
            walk.listed.add(pid)
            stat = procs.read_stat(pid)
            if stat and stat.state not in "ZX":
                walk.living.append(process := procs.Process(pid, stat.start))
                if stat.state not in "Tt":
                    walk.running.append(process)
    return walk


def freeze_below(root: int, *, budget_s: float = 0.2) -> int:
    """Stops all descendants of ``root`` until a walk finds nobody who is not stopped yet: from then on none of them
    forks. Returns how many. What it misses in its time, ``kill_below`` will not."""
    frozen: set[procs.Process] = set()
    deadline = time.monotonic() + budget_s
    while time.monotonic() < deadline:
        fresh = [process for process in walk_below(root).living if process not in frozen]
        if not fresh:
            break
        frozen.update(process for process in fresh if send(process, signal.SIGSTOP))
    return len(frozen)


def kill_below(
    root: int, *, spare: Container[int] = (), reap: Callable[[], object] = lambda: None, budget_s: float = BUDGET_S
) -> Killed:
    """Kills all descendants of ``root`` but those in ``spare`` (and theirs). ``reap`` collects dead children of the
    caller between two rounds. Blocks, typically for 2 to 15 ms, at most for ``budget_s``."""
    dead: set[procs.Process] = set()
    before: set[int] = set()
    rounds, deadline = 0, time.monotonic() + budget_s
    while True:
        walk = walk_below(root, spare)
        # One walk without a living process proves nothing while the dead may have left heirs behind it: only an
        # empty list, or the same zombies twice running, means that nobody was added meanwhile.
        if not walk.living and (not walk.listed or walk.listed == before):
            reap()
            return Killed(len(dead), rounds, 0)
        if time.monotonic() > deadline:
            return Killed(len(dead), rounds, len(walk.living))
        rounds += bool(walk.living)
        for process in walk.running:  # who continues one of the others is found as well, in this round or the next
            send(process, signal.SIGSTOP)
        dead.update(process for process in walk.living if send(process, signal.SIGKILL))
        before = walk.listed
        reap()
        time.sleep(_PAUSE_S)
