"""What one session's processes have used lately, and which limit that exceeds. Pure: samples go in, breaches come out.

A breach names the smallest thing whose end solves it: a call, the smallest of those that suffice, else the largest;
no call when the session's own worker is what takes too much. Of the servers of a directory it is the largest.
"""

import math
from collections import deque
from typing import Final

import msgspec

from oad.contract.limits import MEGABYTE, Action, LimitHit, SessionLimits

from .process_usage import TICKS, CallUse, TreeUse
from .procs import Process

CPU_WINDOW_S: Final = 2.0
BUSY_S, CALM_S, NEAR_S = 0.25, 1.0, 0.05  # between two samples
_NEAR: Final = 0.5  # of a limit that can be overrun in no time
_CPU_SLACK: Final = 0.03  # cores; clock ticks are coarse


class Breach(msgspec.Struct, frozen=True):
    """``call``: whom to end. ``exact`` is false for memory by RSS: the PSS decides."""

    hit: LimitHit
    call: CallUse | None
    exact: bool = True


class _Mark(msgspec.Struct, frozen=True):
    at: float
    total: int
    calls: dict[Process, int]


class Watch:
    """One worker's. ``due``: when to look again. ``largest``: always the largest call is ended; the servers of a
    directory stay, and a small one is not to pay again and again for one that grows."""

    def __init__(self, *, largest: bool = False) -> None:
        self.due = 0.0
        self._largest = largest
        self.use = TreeUse((), 0, 0)
        self.cpu = 0.0  # cores, over the window
        self.peak: dict[str, float] = {}
        self._marks = deque[_Mark]()
        self._written: dict[Process, int] = {}
        self._grown: dict[Process, int] = {}
        self.fast = False  # a limit is near
        self.exposed = False  # a fork bomb would find nothing but us in its way

    def note(self, now: float, use: TreeUse, limits: SessionLimits, *, busy: bool) -> None:
        """Takes a sample in."""
        self.use = use
        mark = _Mark(now, use.cpu, {call.holder: call.cpu for call in use.calls})
        self._marks.append(mark)
        while len(self._marks) > 2 and now - self._marks[1].at >= CPU_WINDOW_S:
            self._marks.popleft()
        first = self._marks[0]
        span = now - first.at
        self.cpu = max(mark.total - first.total, 0) / TICKS / span if span > 0 else 0.0
        self._remember("memoryMb", use.memory_kb / 1024)
        self._remember("processes", use.tasks)
        near = _is_near(use.memory_kb / 1024, limits.memory_mb) or _is_near(use.tasks, limits.processes)
        self.fast = bool(use.calls) and near
        self.exposed = bool(use.calls) and limits.processes is not None
        pressing = _is_limited(limits) and (busy or use.calls)
        self.due = now + (NEAR_S if self.fast else BUSY_S if pressing else CALM_S)

    def note_written(self, written: dict[Process, int]) -> int:
        """Bytes that each call has written so far; returns how much was added since the last time."""
        self._grown = {holder: max(n - self._written.get(holder, 0), 0) for holder, n in written.items()}
        self._written = written
        return sum(self._grown.values())

    def breach(self, limits: SessionLimits, written_mb: float) -> Breach | None:
        """The first limit that is exceeded, the most urgent one."""
        return self._processes(limits) or self._memory(limits) or self._cpu(limits) or self._disk(limits, written_mb)

    def _processes(self, limits: SessionLimits) -> Breach | None:
        if limits.processes is None or self.use.tasks <= limits.processes:
            return None
        tasks = {call.holder: float(call.tasks) for call in self.use.calls}
        return self._made("processes", limits.processes, self.use.tasks, tasks)

    def _memory(self, limits: SessionLimits) -> Breach | None:
        used = self.use.memory_kb / 1024
        if limits.memory_mb is None or used <= limits.memory_mb:
            return None
        sizes = {call.holder: call.memory_kb / 1024 for call in self.use.calls}
        return self._made("memoryMb", limits.memory_mb, used, sizes, exact=False)

    def _cpu(self, limits: SessionLimits) -> Breach | None:
        if limits.cpu is None or len(self._marks) < 2:
            return None
        first, last = self._marks[0], self._marks[-1]
        span = last.at - first.at
        if span < CPU_WINDOW_S:
            return None
        self._remember("cpu", self.cpu)
        if self.cpu <= limits.cpu + _CPU_SLACK:
            return None
        rates = {h: (n - first.calls.get(h, 0)) / TICKS / span for h, n in last.calls.items()}
        if not rates:
            return None  # it is over already
        self._marks = deque([last])
        return self._made("cpu", limits.cpu, self.cpu, rates)

    def _disk(self, limits: SessionLimits, written_mb: float) -> Breach | None:
        if limits.written_mb is None or written_mb <= limits.written_mb or not any(self._grown.values()):
            return None
        grown = {holder: n / MEGABYTE for holder, n in self._grown.items()}
        return self._made("writtenMb", limits.written_mb, written_mb, grown)

    def _made(self, name: str, most: float, used: float, shares: dict[Process, float], *, exact: bool = True) -> Breach:
        culprit = choose(shares, math.inf if self._largest else used - most)
        call = next((call for call in self.use.calls if call.holder == culprit), None)
        action: Action = "turn" if call is None else "command"
        return Breach(LimitHit(limit=name, value=most, peak=used, action=action), call, exact)

    def _remember(self, name: str, value: float) -> None:
        self.peak[name] = max(self.peak.get(name, 0.0), value)


def choose(shares: dict[Process, float], excess: float) -> Process | None:
    """The smallest share that covers the excess, else the largest; nobody where nobody has any."""
    taking = sorted(((share, holder) for holder, share in shares.items() if share > 0), key=lambda item: item[0])
    if not taking:
        return None
    return next((holder for share, holder in taking if share >= excess), taking[-1][1])


def _is_limited(limits: SessionLimits) -> bool:
    """Whether looking can lead to anything; without it there is only the report of what is used."""
    return any(most is not None for most in (limits.memory_mb, limits.cpu, limits.processes, limits.written_mb))


def _is_near(value: float, most: float | None) -> bool:
    return most is not None and value > _NEAR * most
