"""Runs programs directly: what the session's broker does, without the session."""

import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncGenerator

import trio

from oad.workers.exec import Chunk, Command, ExecFailed, Outcome, ProgramEnded, Running


class LocalExec:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        self.calls.append(command.argv)
        try:
            done = await trio.run_process(
                command.argv,
                cwd=command.cwd,
                env=command.env,
                stdin=command.stdin,
                capture_stdout=True,
                **({"stderr": subprocess.STDOUT} if command.merge_stderr else {"capture_stderr": True}),
                check=False,
                start_new_session=True,
                deliver_cancel=_kill_all,
            )
        except OSError as error:
            raise ExecFailed(str(error)) from error
        for data, take in ((done.stdout, on_stdout), (done.stderr, on_stderr)):
            if data and take is not None:
                await take(data)
        return Outcome(exit=done.returncode)

    @contextlib.asynccontextmanager
    async def open(self, command: Command, *, grace_s: float = 0.2) -> AsyncGenerator[Running]:
        self.calls.append(command.argv)
        try:
            process = await trio.lowlevel.open_process(
                command.argv,
                cwd=command.cwd,
                env=command.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise ExecFailed(str(error)) from error
        running = LocalProgram(process)
        try:
            yield running
        finally:
            with trio.CancelScope(shield=True):
                await running.end(grace_s)


async def _kill_all(process: trio.Process) -> None:
    """What a shell has started as well: like the broker's, a call that was cancelled has left nothing."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class LocalProgram:
    """Implements Running for one process, without its descendants."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.closed = False

    async def read(self) -> bytes:
        assert self.process.stdout
        return bytes(await self.process.stdout.receive_some())

    async def write(self, data: bytes) -> None:
        assert self.process.stdin
        try:
            await self.process.stdin.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ProgramEnded("the program ended") from error

    def close_input(self) -> None:
        assert isinstance(self.process.stdin, trio.lowlevel.FdStream)
        self.process.stdin.close()

    def complaints(self) -> str:
        return ""

    async def wait(self) -> Outcome:
        return Outcome(await self.process.wait())

    async def end(self, grace_s: float = 0.2) -> None:
        self.close_input()
        self.process.terminate()
        with trio.move_on_after(grace_s):
            await self.process.wait()
        self.process.kill()
        await self.process.wait()


class NoExec(LocalExec):
    """A machine without git."""

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        raise ExecFailed("no such program")


class SlowExec(LocalExec):
    """Programs that never end: how many run, and how many were cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.running = 0
        self.cancelled = 0

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        self.calls.append(command.argv)
        self.running += 1
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        raise AssertionError("it ended")
