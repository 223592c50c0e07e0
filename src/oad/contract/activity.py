"""Who runs what, and what it takes: the answer of ``GET /oad/processes``."""

from typing import Literal

from .wire_model import WireModel

SessionState = Literal["running", "retrying", "waiting", "queued", "idle", "starting", "stored"]


class ProcessActivity(WireModel):
    """``kind``: serve, daemon, zygote, gateway, proxy, init, session-worker, project-worker, pty-worker, holder (of a
    call), command or other. ``cpu_s`` is its own CPU time, ``started`` in milliseconds of wall-clock time, ``state``
    the kernel's letter."""

    pid: int
    parent: int
    kind: str
    command: str
    state: str
    threads: int
    cpu_s: float
    memory_bytes: int
    started: int
    name: str | None = None  # of a gateway; the id of a terminal
    session: str | None = None
    directory: str | None = None


class SessionActivity(WireModel):
    """One with a worker, or on the way to it. ``busy_s``: how long its turn has run. CPU and memory are those of its
    processes together; CPU also counts what has ended and was waited for."""

    id: str
    title: str
    directory: str
    state: SessionState
    created: int
    updated: int
    tokens: int
    cost: float
    asks: int
    processes: int
    cpu_s: float
    memory_bytes: int
    busy_s: float | None = None
    parent_id: str | None = None
    agent: str | None = None
    model: str | None = None


class Activity(WireModel):
    """``time`` is that of the look at the processes, in milliseconds; differences of ``cpu_s`` between two answers
    divided by theirs are the load. ``stored``: sessions that have no process."""

    time: int
    version: str
    started: int
    cpus: int
    stored: int
    sessions: list[SessionActivity]
    processes: list[ProcessActivity]
