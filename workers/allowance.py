"""What the commands of one worker may take: their time and their output, counted while they run.

Everything that a session starts goes through the exec client, and so through here; a tool can't forget it.
"""

import signal
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from oad.contract.limits import MEGABYTE, CommandLimits, LimitHit, SessionLimits, for_commands

from .exec import Chunk

Report = Callable[[LimitHit], Awaitable[None]]
FLOW_S: Final = 60.0
FLOW_MB: Final = 256
_TOO_LARGE: Final = {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}  # of the command itself, or of one that its shell ran


async def _tell_nobody(hit: LimitHit) -> None:
    """A directory's worker has no session whose event it could be."""


class Allowance:
    """``output`` is how many bytes the session's commands have written to us since the service's start."""

    def __init__(self, report: Report = _tell_nobody) -> None:
        self.limits = SessionLimits()
        self.output = 0
        self.report = report
        self._meters: dict[int, Meter] = {}

    def begin(self, limits: SessionLimits, output: int) -> None:
        """A turn begins: what the daemon says holds from now on."""
        self.limits = limits
        self.output = max(self.output, output)

    def for_kernel(self) -> CommandLimits:
        return for_commands(self.limits)

    def open(self, call: int, *, counted: bool = True) -> "Meter":
        """Not ``counted``: a call of oad's own, which no limit of the session's commands holds for."""
        meter = self._meters[call] = Meter(self, free=not counted)
        return meter

    def open_flow(self, call: int) -> "FlowMeter":
        meter = self._meters[call] = FlowMeter(self)
        return meter

    def close(self, call: int) -> None:
        self._meters.pop(call, None)

    def stopped(self, call: int, hit: LimitHit) -> None:
        """The daemon is about to end this call, and has told everyone but us why."""
        if (meter := self._meters.get(call)) is not None:
            meter.hit, meter.told = hit, True


class Meter:
    """One command's. ``over`` is set when it must end for what it has written."""

    def __init__(self, allowance: Allowance, *, free: bool = False) -> None:
        self._free = free
        self.hit: LimitHit | None = None
        self.told = False
        self.over = trio.Event()
        self._allowance = allowance
        self._bytes = 0

    def counted(self, on_chunk: Chunk) -> Chunk:
        """Hands on what is within the limits; the rest of the command's output is dropped."""
        if self._free:
            return on_chunk

        async def count(chunk: bytes) -> None:
            room = self._room()
            self._bytes += len(chunk)
            self._allowance.output += len(chunk)
            if room is not None and len(chunk) > room:
                chunk = chunk[:room]
                self._exceed()
            if chunk:
                await on_chunk(chunk)

        return count

    def time(self, timeout_s: float | None) -> float | None:
        """The time that a command gets which asks for ``timeout_s``."""
        most = None if self._free else self._allowance.limits.command_s
        return timeout_s if most is None else most if timeout_s is None else min(timeout_s, most)

    def ran_out(self, timeout_s: float | None) -> None:
        """Its time is up: by the limit, unless it had asked for less."""
        most = None if self._free else self._allowance.limits.command_s
        if self.hit is None and most is not None and (timeout_s is None or timeout_s >= most):
            self.hit = LimitHit(limit="commandS", value=most, peak=most, action="command")

    def ended(self, status: int) -> None:
        """The command ended by itself, or by what the kernel does to one that writes too large a file."""
        most = self._allowance.limits.file_size_mb
        if self.hit is None and most is not None and status in _TOO_LARGE:
            self.hit = LimitHit(limit="fileSizeMb", value=most, peak=most, action="command")

    async def tell(self) -> LimitHit | None:
        """What was reached; said once."""
        if self.hit is not None and not self.told:
            self.told = True
            await self._allowance.report(self.hit)
        return self.hit

    def _room(self) -> int | None:
        limits = self._allowance.limits
        rooms: list[int] = []
        if limits.command_output_mb is not None:
            rooms.append(limits.command_output_mb * MEGABYTE - self._bytes)
        if limits.session_output_mb is not None:
            rooms.append(limits.session_output_mb * MEGABYTE - self._allowance.output)
        return max(min(rooms), 0) if rooms else None

    def _exceed(self) -> None:
        if self.hit is None:
            limits = self._allowance.limits
            most, written = limits.command_output_mb, self._bytes
            name = "commandOutputMb"
            if most is None or written <= most * MEGABYTE:
                most, written, name = limits.session_output_mb or 0, self._allowance.output, "sessionOutputMb"
            self.hit = LimitHit(limit=name, value=most, peak=written / MEGABYTE, action="command")
        self.over.set()


class FlowMeter(Meter):
    """That of a program which is spoken with as long as it lives: what would be too much in all may be fine over hours,
    so what counts is a minute. Where nothing is said FLOW_MB holds: nobody speaks that much to a reader."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance)
        self._level = 0.0  # bytes of the last minute, which drain away evenly
        self._at = trio.current_time()

    def count(self, size: int) -> None:
        most = (self._allowance.limits.command_output_mb or FLOW_MB) * MEGABYTE
        now = trio.current_time()
        self._level = max(0.0, self._level - (now - self._at) * most / FLOW_S) + size
        self._at = now
        self._allowance.output += size
        if self._level > most:
            self._stop("commandOutputMb", most // MEGABYTE, self._level)
        session = self._allowance.limits.session_output_mb
        if session is not None and self._allowance.output > session * MEGABYTE:
            self._stop("sessionOutputMb", session, self._allowance.output)

    def _stop(self, name: str, most: int, written: float) -> None:
        if self.hit is None:
            self.hit = LimitHit(limit=name, value=most, peak=written / MEGABYTE, action="command")
        self.over.set()
