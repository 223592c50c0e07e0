"""A context for tools: a project directory, an Exec that runs programs as children, and records of all it did."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from oad.workers.exec import Chunk, Command, ExecFailed, Outcome
from oad.workers.tools.tool import ToolContext, ToolResult


class LocalExec:
    """Enough of the broker for tools: own process group, timeout, kill on cancellation, return at the child's end."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        self.commands.append(command)
        try:
            process = await trio.lowlevel.open_process(
                command.argv,
                cwd=command.cwd,
                env=command.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if command.merge_stderr else subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ExecFailed(str(error)) from error
        assert process.stdin and process.stdout
        timed_out = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_drain, process.stdout, on_stdout)
            if process.stderr and on_stderr:
                nursery.start_soon(_drain, process.stderr, on_stderr)
            try:
                await process.stdin.send_all(command.stdin)
                await process.stdin.aclose()
                with trio.move_on_after(timeout_s or 3600) as limit:
                    await process.wait()
                timed_out = limit.cancelled_caught
            finally:
                process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()
            with trio.move_on_after(0.05):
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()
        return Outcome(process.returncode, timed_out=timed_out)


async def _drain(stream: Any, take: Chunk) -> None:
    async for chunk in stream:
        await take(bytes(chunk))


class Recorder:
    """What a tool asked, published, showed and called. ``on_ask`` and ``on_call`` decide the answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.exec = LocalExec()
        self.asked: list[tuple[str, list[str], list[str], dict[str, Any]]] = []
        self.progress: list[tuple[str | None, dict[str, Any]]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.settled: list[ToolResult] = []
        self.services: dict[str, Any] = {}
        self.on_ask: Callable[[str], None] = lambda permission: None
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, Callable[[bytes], bytes]] = {}
        self.shown = trio.Event()

    def context(self, **changes: Any) -> ToolContext:
        project = self.root / "proj"
        fields: dict[str, Any] = {
            "session_id": "ses_1",
            "message_id": "msg_1",
            "call_id": "call_1",
            "agent": "build",
            "directory": project,
            "worktree": project,
            "scratch": self.root / "scratch",
            "exec": self.exec,
            "ask": self._ask,
            "progress": self._progress,
            "publish": self._publish,
            "call": self._call,
            "services": self.services,
            "settle": self.settled.append,
        }
        return ToolContext(**{**fields, **changes})

    async def _ask(self, permission: str, patterns: list[str], *, always: list[str], metadata: dict[str, Any]) -> None:
        self.asked.append((permission, patterns, always, metadata))
        self.on_ask(permission)

    async def _progress(self, title: str | None, metadata: dict[str, Any]) -> None:
        self.progress.append((title, metadata))
        if metadata.get("output"):
            self.shown.set()

    async def _publish(self, type: str, properties: dict[str, Any]) -> None:
        self.events.append((type, properties))

    async def _call(self, op: str, params: dict[str, str], body: bytes) -> bytes:
        self.calls.append((op, params, body))
        answer = self.answers[op]
        await trio.lowlevel.checkpoint()
        return answer(body)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    (tmp_path / "proj" / "src").mkdir(parents=True)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "proj" / "src" / "a.txt").write_text("alpha\nbeta\ngamma\n")
    return Recorder(tmp_path)
