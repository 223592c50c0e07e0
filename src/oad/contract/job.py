"""Background jobs: what a command left running when its call had ended."""

from typing import Annotated, Literal

import msgspec

Reason = Literal["exited", "stopped", "aborted", "expired", "session"]


class Port(msgspec.Struct, frozen=True):
    """A listening TCP socket, or a UDP socket without a peer."""

    protocol: Literal["tcp", "udp"]
    address: str
    port: int


class Usage(msgspec.Struct, frozen=True):
    """``cpu_s`` includes descendants that were waited for; ``memory_bytes`` is resident, shared pages counted often."""

    processes: int
    cpu_s: float
    memory_bytes: int
    ports: list[Port]


class Job(msgspec.Struct, frozen=True):
    """``started``: when its call began, in milliseconds of wall-clock time. ``cpu_s`` counts what has ended of it too.
    ``ttl_s``: seconds until it is ended, None without a limit. ``kept``: aborts that do not kill leave it alone."""

    id: str
    command: str
    started: int
    age_s: float
    cpu_s: float
    memory_bytes: int
    processes: int
    ports: list[Port]
    kept: bool
    ttl_s: float | None
    call_id: str = msgspec.field(name="callID")


class JobOutput(msgspec.Struct, frozen=True):
    """A piece of a job's output. Offsets count bytes since its call had ended; ``offset`` is where ``output`` begins,
    later than asked for when that much was dropped by then; go on from ``next``."""

    offset: int
    next: int
    output: str
    running: bool


class JobSignal(msgspec.Struct, frozen=True):
    signal: str
    at_ms: float = msgspec.field(name="atMs")


class JobReceipt(msgspec.Struct, frozen=True):
    """How a job was ended. ``killed`` counts processes that had not gone by themselves after TERM."""

    job_id: str = msgspec.field(name="jobID")
    requested: int
    signals: list[JobSignal]
    killed: int
    survivors: int
    took_ms: float = msgspec.field(name="tookMs")


class JobKeep(msgspec.Struct, frozen=True):
    """None: an hour, or the operator's limit if that is less."""

    ttl_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
