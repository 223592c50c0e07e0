"""One background job: the call that it came from, what it writes, how long it may live."""

import math
from collections.abc import Sequence
from pathlib import Path

import trio

from oad.contract.ids import new_id, now_ms
from oad.contract.job import Job, Reason, Usage
from oad.contract.redact import KNOWN, StreamRedactor

from ..call import Call, read_some
from ..exec import Command
from .output import JobOutput


class LeftRunning:
    """``over`` is set when no process of it exists. The descriptors in ``outputs`` are its own from now on."""

    def __init__(self, call: Call, outputs: Sequence[int], command: Command, place: Path) -> None:
        self.id = new_id("job")
        self.call = call
        self.outputs = outputs
        self.output = JobOutput(place / f"{self.id}.txt")
        self.over = trio.Event()
        self.reason: Reason | None = None  # why it is being ended
        self.kept = False
        self.expiry = trio.CancelScope(deadline=math.inf)
        self._command = command

    def keep(self, ttl_s: float) -> None:
        self.kept = True
        self.expiry.deadline = trio.current_time() + ttl_s

    def because(self, reason: Reason) -> None:
        """The first reason counts."""
        self.reason = self.reason or reason

    def describe(self, usage: Usage) -> Job:
        left = self.expiry.deadline - trio.current_time()
        return Job(
            id=self.id,
            command=self._command.shown or " ".join(self._command.argv),
            started=self.call.started_ms,
            age_s=round((now_ms() - self.call.started_ms) / 1000, 3),
            cpu_s=usage.cpu_s,
            memory_bytes=usage.memory_bytes,
            processes=usage.processes,
            ports=usage.ports,
            kept=self.kept,
            ttl_s=None if math.isinf(left) else round(max(left, 0.0), 3),
            call_id=self._command.call_id,
        )

    async def pump(self, fd: int) -> None:
        """Takes what it writes, however much: closing the pipe, or leaving it full, would change what it does."""
        stream = StreamRedactor(KNOWN)
        try:
            while data := await read_some(fd):
                self._write(stream.feed(data))
        finally:
            self._write(stream.finish())

    def _write(self, data: bytes) -> None:
        if data:
            self.output.write(data)
