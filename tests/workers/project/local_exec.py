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
                capture_stdout=True,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except OSError as error:
            raise ExecFailed(str(error)) from error
        if done.stdout:
            await on_stdout(done.stdout)
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
