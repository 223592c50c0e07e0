"""Exec that leaves two audit lines for each program: what is started, and how it ended."""

import contextlib
import itertools
from collections.abc import AsyncGenerator

import trio

from oad.contract.errors import ApiError
from oad.contract.sandbox import Confinement, profile_for

from .audit import Audit
from .exec import Chunk, Command, Exec, ExecFailed, Outcome, Running


class AuditedExec:
    """See Exec. Raises ExecFailed, too, when the start must be recorded and can't be."""

    def __init__(self, inner: Exec, audit: Audit, confinement: Confinement) -> None:
        self._inner = inner
        self._audit = audit
        self._confinement = confinement
        self._numbers = itertools.count(1)

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        number = next(self._numbers)
        await self._announce(number, command)
        started, end = trio.current_time(), _End("cancelled")
        try:
            outcome = await self._inner.run(
                command, on_stdout=on_stdout, on_stderr=on_stderr, timeout_s=timeout_s, grace_s=grace_s
            )
            end = _End.of(outcome)
            return outcome
        except ExecFailed as error:
            end = _End("not started", reason=str(error))
            raise
        finally:
            await self._conclude(number, started, end)

    @contextlib.asynccontextmanager
    async def open(self, command: Command, *, grace_s: float = 0.2) -> AsyncGenerator[Running]:
        number = next(self._numbers)
        await self._announce(number, command)
        started, end, running = trio.current_time(), _End("not started"), None
        try:
            async with self._inner.open(command, grace_s=grace_s) as running:
                yield running
        finally:
            with trio.CancelScope(shield=True):
                if running is not None:
                    end = await _End.seen(running)
                await self._conclude(number, started, end)

    async def _conclude(self, number: int, started: float, end: "_End") -> None:
        took = round((trio.current_time() - started) * 1000, 1)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await self._audit.after("exec.ended", exec=number, took_ms=took, **end.fields)

    async def _announce(self, number: int, command: Command) -> None:
        profile = profile_for(self._confinement, command.profile)
        argv = ["oad", command.shown] if command.snapshots else command.argv  # its own scripts need not be repeated
        try:
            await self._audit.before("exec.started", exec=number, argv=argv, cwd=command.cwd, profile=profile)
        except ApiError as error:
            message = error.body.get("data", {}).get("message", error.body)
            raise ExecFailed(f"it is not started: {message}") from error


class _End:
    def __init__(self, end: str, **fields: object) -> None:
        self.fields = {"end": end, **fields}

    @classmethod
    async def seen(cls, running: Running) -> "_End":
        """Of a program that has ended."""
        try:
            return cls.of(await running.wait())
        except ExecFailed as error:
            return cls("not started", reason=str(error))

    @classmethod
    def of(cls, outcome: Outcome) -> "_End":
        if outcome.timed_out:
            return cls("timed out")
        if outcome.exit is None:
            return cls("killed")
        left = {"left_running": True, "job": outcome.job or ""} if outcome.left_running else {}
        return cls("exited", exit=outcome.exit, **left)
