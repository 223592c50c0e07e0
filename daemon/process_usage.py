"""What the processes of a session use, read from ``/proc``: memory, CPU, how many there are, bytes written.

**Memory** is first the sum of resident sizes (RSS), one read per process that is made anyway. It counts pages which
several processes share once for each, so it is never too small: a session below its limit by this sum is below it.
Only when the sum exceeds the limit the proportional sizes (PSS) are read, which are exact and cost a walk of the page
tables. A session's own init, holders and worker share the zygote's pages: of those only what exceeds it is counted.

**CPU** includes that of children which have been waited for, so what lives shortly is not missed.
"""

import os
from typing import Final, NamedTuple

from . import procs

TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_KB: Final = os.sysconf("SC_PAGE_SIZE") // 1024


class Stat(NamedTuple):
    """One process. ``cpu`` in clock ticks, that of its waited-for children included, which is ``waited``. ``leads``:
    it began a terminal session of its own."""

    pid: int
    start: int
    threads: int
    rss_kb: int
    cpu: int
    waited: int
    leads: bool


class CallUse(NamedTuple):
    """What runs below one holder. ``tasks`` are processes and threads, the holder's own excepted."""

    holder: procs.Process
    processes: tuple[int, ...]
    tasks: int
    memory_kb: int
    cpu: int
    cut: bool  # there are more processes than were looked at
    leaders: tuple[procs.Process, ...] = ()


class TreeUse(NamedTuple):
    """``ended_cpu`` is what calls that are over have used; ``own_kb`` is the worker's memory beyond the zygote's."""

    calls: tuple[CallUse, ...]
    own_kb: int
    ended_cpu: int

    @property
    def tasks(self) -> int:
        return sum(call.tasks for call in self.calls)

    @property
    def memory_kb(self) -> int:
        return self.own_kb + sum(call.memory_kb for call in self.calls)

    @property
    def leaders(self) -> tuple[procs.Process, ...]:
        return tuple(leader for call in self.calls for leader in call.leaders)

    @property
    def cpu(self) -> int:
        return self.ended_cpu + sum(call.cpu for call in self.calls)


def read_use(pid: int) -> Stat | None:
    """None when there is no such process."""
    text = procs.read(f"/proc/{pid}/stat")
    fields = text.rpartition(b")")[2].split()
    if len(fields) < 22:
        return None
    waited = int(fields[13]) + int(fields[14])
    own = int(fields[11]) + int(fields[12])
    return Stat(
        pid, int(fields[19]), int(fields[17]), int(fields[21]) * _PAGE_KB, own + waited, waited, int(fields[3]) == pid
    )


def _children(process: Stat) -> list[int]:
    """A child belongs to the thread that forked it."""
    if process.threads == 1:
        return [int(child) for child in procs.read(f"/proc/{process.pid}/task/{process.pid}/children").split()]
    return procs.children(process.pid)


def measure(init: int, worker: int, inherited_kb: int, *, enough: int | None = None) -> TreeUse:
    """Everything below a session's init. A call's tree is not followed further once ``enough`` tasks were found."""
    head, own = read_use(init), read_use(worker)
    if head is None:
        return TreeUse((), 0, 0)
    holders = [use for pid in _children(head) if pid != worker and (use := read_use(pid)) is not None]
    own_kb = max(own.rss_kb - inherited_kb, 0) if own is not None else 0
    calls = (_measure_call(holder, enough) for holder in holders)
    return TreeUse(tuple(call for call in calls if call.processes), own_kb, head.waited)  # a reserve holds nothing


def _measure_call(holder: Stat, enough: int | None) -> CallUse:
    seen: list[int] = []
    leaders: list[procs.Process] = []
    tasks = memory = 0
    cpu = holder.cpu
    todo = [holder]
    while todo:
        if enough is not None and tasks > enough:
            break
        for pid in _children(todo.pop()):
            if (use := read_use(pid)) is not None:
                seen.append(pid)
                if use.leads:
                    leaders.append(procs.Process(pid, use.start))
                todo.append(use)
                tasks, memory, cpu = tasks + use.threads, memory + use.rss_kb, cpu + use.cpu
    keeper = procs.Process(holder.pid, holder.start)
    return CallUse(keeper, tuple(seen), tasks, memory, cpu, bool(todo), tuple(leaders))


def proportional_kb(call: CallUse) -> int:
    """The call's PSS. What may not be read counts with its RSS. May take tens of milliseconds for large processes."""
    return sum(_pss_kb(pid) for pid in call.processes)


def _pss_kb(pid: int) -> int:
    text = procs.read(f"/proc/{pid}/smaps_rollup")
    if not text:  # a zombie, or one whose memory this user may not see
        use = read_use(pid)
        return use.rss_kb if use is not None else 0
    return int(text.partition(b"\nPss:")[2].split(None, 1)[0])


def written_bytes(call: CallUse) -> int:
    """To disks, by the living processes and by those they have waited for; the holder's entry has the dead ones, where
    this user may read it."""
    return sum(_written(pid) for pid in (call.holder.pid, *call.processes))


def _written(pid: int) -> int:
    _, _, rest = procs.read(f"/proc/{pid}/io").partition(b"write_bytes:")
    return int(rest.split(None, 1)[0]) if rest else 0


def call_number(holder: int) -> int | None:
    """The broker's number of a call, which its holder carries in its title."""
    words = procs.read(f"/proc/{holder}/cmdline").rstrip(b"\0").split()
    return int(words[-1]) if len(words) >= 2 and words[-2] == b"call" and words[-1].isdigit() else None
