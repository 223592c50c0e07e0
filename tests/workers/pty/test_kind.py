"""A terminal's worker, with programs that only pretend."""

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from oad.contract.errors import ApiError
from oad.contract.limits import LimitHit, SessionLimits
from oad.contract.policy import ShellPolicy
from oad.contract.terminal import PtySize, PtyStart
from oad.contract.wire import Data, Frame
from oad.contract.worker import Destroyed, WorkerSpec
from oad.link import StreamEnd
from oad.workers.allowance import Allowance
from oad.workers.audit import Unrecorded
from oad.workers.exec import Command, ExecFailed, Outcome
from oad.workers.pty.kind import PtyKind, exit_code

SPEC = WorkerSpec(kind="pty", name="pty_a", directory="/p", endpoint="", scratch="", writable=[])
START = PtyStart("/bin/sh", ["-l"], "/p", {"A": "b"}, PtySize(rows=5, cols=6), SessionLimits())


class Broker:
    def __init__(self) -> None:
        self.allowance = Allowance()
        self.destroyed = 0

    async def destroy_all(self) -> Destroyed:
        await trio.lowlevel.checkpoint()
        self.destroyed += 1
        return Destroyed(0, 0, 0)


class Exec:
    """``end`` lets the program end with ``outcome``."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.end = trio.Event()
        self.outcome: Outcome | ExecFailed = Outcome(3)

    async def run(self, command: Command, **_: Any) -> Outcome:
        self.commands.append(command)
        await trio.lowlevel.checkpoint()
        if isinstance(self.outcome, ExecFailed):
            raise self.outcome
        assert command.terminal is not None
        command.terminal.started()
        await self.end.wait()
        return self.outcome


class Link:
    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    async def publish(self, type: str, properties: Any, *, durable: bool = True) -> None:
        await trio.lowlevel.checkpoint()
        self.events.append((type, msgspec.to_builtins(properties)))

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        await trio.lowlevel.checkpoint()
        return b'{"secrets":[]}'


class Bench:
    def __init__(self, spec: WorkerSpec) -> None:
        self.broker, self.exec, self.link = Broker(), Exec(), Link()
        self.shown = ""
        arguments: Any = (self.broker, self.exec, self.link, Unrecorded())
        self.kind = PtyKind(spec, *arguments)

    async def start(self, start: PtyStart = START) -> None:
        await self.kind.handle("pty.start", {}, msgspec.json.encode(start))

    async def look(self) -> None:
        stream = StreamEnd()
        stream.open(1, self._take)
        await self.kind.attach(stream, {})

    async def _take(self, frame: Frame, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if isinstance(frame, Data):
            self.shown += body.decode()


@asynccontextmanager
async def bench(spec: WorkerSpec = SPEC) -> AsyncGenerator[Bench]:
    bench = Bench(spec)
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.kind.run)
        yield bench
        nursery.cancel_scope.cancel()


async def test_the_program_and_its_end() -> None:
    async with bench() as b:
        await b.start()
        (command,) = b.exec.commands
        assert (command.argv, command.cwd) == (["/bin/sh", "-l"], "/p")
        assert (command.env["A"], command.env["TERM"]) == ("b", "xterm-256color")
        assert "PAGER" not in command.env
        assert b.link.events == []
        b.exec.end.set()
        await b.look()
        await trio.testing.wait_all_tasks_blocked()
        assert b.link.events == [("pty.exited", {"id": "pty_a", "exitCode": 3})]
        assert b.broker.destroyed == 1


@pytest.mark.parametrize(
    ("failure", "status"), [(ExecFailed("cannot start /bin/sh: No such file", 2), 400), (ExecFailed("no sandbox"), 503)]
)
async def test_what_can_not_be_started(failure: ExecFailed, status: int) -> None:
    async with bench() as b:
        b.exec.outcome = failure
        with pytest.raises(ApiError) as refused:
            await b.start()
        assert refused.value.status == status
        assert b.link.events == []


async def test_what_is_restricted_is_not_started() -> None:
    spec = msgspec.structs.replace(SPEC, shell=ShellPolicy(allow=("git *",)))
    async with bench(spec) as b:
        with pytest.raises(ApiError) as refused:
            await b.start()
        assert refused.value.status == 403
        assert b.exec.commands == []


async def test_a_limit_is_explained_where_it_is_felt() -> None:
    async with bench() as b:
        await b.start()
        hit = LimitHit(limit="memoryMb", value=64, peak=70.0, action="command")
        await b.kind.handle("worker.limit", {}, msgspec.json.encode({"hit": hit, "call": 1}))
        b.exec.end.set()
        await b.look()
        assert "the limit memoryMb of 64 is reached" in b.shown


async def test_sizes_before_and_after() -> None:
    size = msgspec.json.encode(PtySize(rows=7, cols=8))
    async with bench() as b:
        with pytest.raises(ApiError):
            await b.kind.handle("pty.resize", {}, size)
        await b.start()
        await b.kind.handle("pty.resize", {}, size)
        b.exec.end.set()
        await trio.testing.wait_all_tasks_blocked()
        await b.kind.handle("pty.resize", {}, size)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome(0), 0), (Outcome(143), 143), (Outcome(-signal.SIGSEGV), 139), (Outcome(None), 137)],
)
def test_exit_codes_are_those_of_a_shell(outcome: Outcome, code: int) -> None:
    assert exit_code(outcome) == code
