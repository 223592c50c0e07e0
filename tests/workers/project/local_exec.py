"""Runs programs directly: what the session's broker does, without the session."""

import subprocess

import trio

from oad.workers.exec import Chunk, Command, ExecFailed, Outcome


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
            )
        except OSError as error:
            raise ExecFailed(str(error)) from error
        for data, take in ((done.stdout, on_stdout), (done.stderr, on_stderr)):
            if data and take is not None:
                await take(data)
        return Outcome(exit=done.returncode)


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
