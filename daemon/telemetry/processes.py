"""All processes of the service, looked at in ``/proc`` by a thread: which there are, and what each uses.

A look costs about 0.1 ms a process, and is kept for a second, so that nobody can make the daemon look all day.
"""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import trio

from .. import procs
from ..process_usage import TICKS

_KEPT_S: Final = 1.0
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_COMMAND: Final = 4096  # bytes of a command line


class Label(NamedTuple):
    """What a process is. ``name``: of a gateway; of a worker its kind."""

    kind: str
    session: str = ""
    directory: str = ""
    name: str = ""


class Seen(NamedTuple):
    """``cpu`` and ``waited`` (that of children which were waited for) in clock ticks; ``start`` too, since boot."""

    pid: int
    parent: int
    label: Label
    command: str
    state: str
    threads: int
    memory_bytes: int
    cpu: int
    waited: int
    start: int


class Look(NamedTuple):
    """``at``: wall-clock time in seconds."""

    at: float
    processes: tuple[Seen, ...]


def scan(labels: Mapping[int, Label]) -> Look:
    """``labels`` has what is known by number, the roots of all others included. Blocks."""
    found: dict[int, Seen] = {}
    todo = [(pid, label) for pid, label in labels.items()]
    while todo:
        pid, label = todo.pop()
        if pid in found or (seen := _read(pid, label)) is None:
            continue
        found[pid] = seen
        todo += [(child, _label_child(child, label)) for child in procs.children(pid) if child not in labels]
    return Look(time.time(), tuple(found.values()))


def _label_child(pid: int, parent: Label) -> Label:
    if parent.kind == "serve":
        return Label("proxy" if _command(pid).startswith("oad-proxy") else "other")
    if parent.kind == "daemon":
        return Label("zygote" if _command(pid).startswith("oad-zygote") else "other")
    if parent.kind == "init":
        return parent._replace(kind="holder")
    return parent._replace(kind="command" if parent.kind in ("holder", "command", "worker") else "other")


def _read(pid: int, label: Label) -> Seen | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return Seen(
        pid=pid,
        parent=int(fields[1]),
        label=label,
        command=_command(pid),
        state=fields[0].decode(),
        threads=int(fields[17]),
        memory_bytes=int(fields[21]) * _PAGE,
        cpu=int(fields[11]) + int(fields[12]),
        waited=int(fields[13]) + int(fields[14]),
        start=int(fields[19]),
    )


def _command(pid: int) -> str:
    """As one line; the name of a process that has none, in brackets."""
    try:
        with Path(f"/proc/{pid}/cmdline").open("rb") as file:
            words = file.read(_COMMAND).replace(b"\0", b" ").decode(errors="replace")
        if line := " ".join(words.split()):
            return line
        return f"[{Path(f'/proc/{pid}/comm').read_text(errors='replace').strip()}]"
    except OSError:
        return ""


class ProcessTable:
    """``label`` tells, in the loop, what is known of processes. ``cpu_s`` sums up what each kind has used in all looks,
    which several processes of a kind and their ends do not make go down."""

    def __init__(self, label: Callable[[], Mapping[int, Label]]) -> None:
        self._label = label
        self._lock = trio.Lock()
        self._look: Look | None = None
        self._looked = -_KEPT_S
        self._last: dict[tuple[int, int], int] = {}
        self.cpu_s: dict[str, float] = defaultdict(float)

    async def look(self) -> Look:
        """Not older than a second."""
        async with self._lock:
            if self._look is None or trio.current_time() - self._looked >= _KEPT_S:
                self._look = await trio.to_thread.run_sync(scan, dict(self._label()))
                self._looked = trio.current_time()
                self._add_cpu(self._look)
            return self._look

    def _add_cpu(self, look: Look) -> None:
        last, self._last = self._last, {}
        commands = _commands_cpu(look)
        for seen in look.processes:
            if seen.label.kind in ("holder", "command"):
                continue
            self._add(kind_of(seen.label), (seen.pid, seen.start), seen.cpu, last)
            if seen.label.kind == "init":
                # Their times pass on to whoever waits for them, in the end the init: only their sum never goes down.
                self._add("command", (-seen.pid, seen.start), seen.waited + commands[seen.pid], last)

    def _add(self, kind: str, key: tuple[int, int], ticks: int, last: Mapping[tuple[int, int], int]) -> None:
        self._last[key] = ticks
        self.cpu_s[kind] += max(ticks - last.get(key, 0), 0) / TICKS


def kind_of(label: Label) -> str:
    return f"{label.name}-worker" if label.kind == "worker" else label.kind


def _commands_cpu(look: Look) -> Counter[int]:
    """Of what runs below each init, by the init's number."""
    parents = {seen.pid: seen for seen in look.processes}
    sums: Counter[int] = Counter()
    for seen in look.processes:
        if seen.label.kind in ("holder", "command"):
            above: Seen | None = seen
            while above is not None and above.label.kind != "init":
                above = parents.get(above.parent)
            if above is not None:
                sums[above.pid] += seen.cpu + seen.waited
    return sums
