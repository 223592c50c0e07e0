"""What the worker of a terminal does: starts its program, serves its viewers, and tells how it ended."""

import shlex
import signal
from typing import Final

import msgspec
import trio

from oad.contract.errors import ApiError, bad_request, named, not_found, unavailable
from oad.contract.limits import LimitHit
from oad.contract.terminal import PtyExited, PtySize, PtyStart
from oad.contract.worker import WorkerSpec
from oad.link import StreamEnd

from ..audit import Audit
from ..broker import BrokerExec
from ..environment import Keys, take_keys
from ..exec import Command, Exec, ExecFailed, Outcome, Terminal
from ..link import Answer, Link
from ..restriction.decision import decide
from ..tools.environment import terminal_environment
from .output import Output
from .pair import Pair
from .viewer import Viewer

ATTACH: Final = "pty.attach"
_REST_S: Final = 1.0  # for what is still in the terminal when its program has ended


class _Order(msgspec.Struct):
    """Of the governor: a limit is reached, and the call is about to be ended."""

    hit: LimitHit
    call: int | None = None


class PtyKind:
    """``run`` lasts until the daemon lets the worker go."""

    def __init__(self, spec: WorkerSpec, broker: BrokerExec, exec: Exec, link: Link, audit: Audit) -> None:
        self._spec = spec
        self._broker = broker
        self._exec = exec
        self._link = link
        self._audit = audit
        self._output = Output()
        self._pair: Pair | None = None
        self._drained = trio.Event()
        self._nursery: trio.Nursery | None = None
        broker.allowance.report = self._say_limit

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        take_keys(msgspec.json.decode(await self._link.call("daemon.credentials", {}), type=Keys))
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                # At once, while the program is being ended: shells that are hung up save their history.
                if self._pair is not None:
                    self._pair.close()

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Raises ApiError."""
        match op:
            case "pty.start":
                await self._start(msgspec.json.decode(body, type=PtyStart))
            case "pty.resize":
                self._terminal().resize(msgspec.json.decode(body, type=PtySize))
            case "worker.limit":
                order = msgspec.json.decode(body, type=_Order)
                if order.call is not None:
                    self._broker.allowance.stopped(order.call, order.hit)
                await self._say_limit(order.hit)
            case _:
                raise not_found(f"Not an operation of a terminal: {op}")
        return Answer(b"true")

    def abort(self, reason: str) -> None:
        """A terminal has no turn."""

    def _terminal(self) -> Pair:
        if self._pair is None:
            raise not_found("The terminal has no program yet")
        return self._pair

    async def attach(self, stream: StreamEnd, params: dict[str, str]) -> Answer:
        """For as long as the client looks; answered when the terminal has come to its end."""
        viewer = Viewer(self._output, self._terminal(), stream, _cursor(params.get("cursor", "")))
        await viewer.run()
        return Answer(b"true")

    # --- the program ------------------------------------------------------------------------------------------------

    async def _start(self, wanted: PtyStart) -> None:
        """Returns when the program runs. Raises ApiError: 403 for what may not be run, 400 for what can't be."""
        assert self._nursery is not None
        await self._check(wanted)
        self._broker.allowance.begin(wanted.limits, 0)
        self._pair = Pair(wanted.size)
        begun = _Begun()
        self._nursery.start_soon(self._lead, wanted, self._pair, begun)
        await begun.settled.wait()
        if begun.failure is not None:
            raise begun.failure

    async def _check(self, wanted: PtyStart) -> None:
        command = shlex.join([wanted.command, *wanted.args])
        decision = decide(command, wanted.cwd, self._spec.shell)
        verdict = "refused" if decision.rule else "allowed"
        await self._audit.before("shell.decision", decision=verdict, rule=decision.rule, command=command)
        if decision.rule:
            raise named(403, "ForbiddenError", message=decision.message)

    async def _lead(self, wanted: PtyStart, pair: Pair, begun: "_Begun") -> None:
        """From the start of the program to the last of its output."""
        command = Command(
            argv=[wanted.command, *wanted.args],
            cwd=wanted.cwd,
            env=terminal_environment(wanted.env),
            terminal=Terminal(pair.theirs, lambda: self._begin(pair, begun)),
        )
        try:
            outcome = await self._exec.run(command, on_stdout=_nowhere)
            code = exit_code(outcome)
        except ExecFailed as failed:
            if not begun.settled.is_set():
                begun.fail(bad_request(str(failed)) if failed.errno else unavailable(str(failed)))
                return
            self._output.say(f"\r\n{failed}\r\n")
            code = 126
        begun.settle()
        await self._end(pair, code)

    def _begin(self, pair: Pair, begun: "_Begun") -> None:
        pair.hand_over()
        assert self._nursery is not None
        self._nursery.start_soon(self._take_output, pair)
        begun.settle()

    async def _take_output(self, pair: Pair) -> None:
        try:
            await self._output.pump(pair.read)
        finally:
            self._drained.set()

    async def _end(self, pair: Pair, code: int) -> None:
        """What the program has left running ends with it, and whoever looks sees everything to the last line."""
        try:
            await self._broker.destroy_all()
        except ExecFailed:
            pass  # the daemon ends the whole session in a moment
        with trio.move_on_after(_REST_S):
            await self._drained.wait()
        pair.close()
        self._output.end()
        exited = PtyExited(id=self._spec.name, exit_code=code)
        await self._link.publish("pty.exited", exited)

    async def _say_limit(self, hit: LimitHit) -> None:
        self._output.say(f"\r\n[stopped: the limit {hit.limit} of {hit.value:g} is reached]\r\n")


class _Begun:
    def __init__(self) -> None:
        self.settled = trio.Event()
        self.failure: ApiError | None = None

    def settle(self) -> None:
        self.settled.set()

    def fail(self, failure: ApiError) -> None:
        self.failure = failure
        self.settled.set()


async def _nowhere(chunk: bytes) -> None:
    """A program with a terminal writes to that."""


def exit_code(outcome: Outcome) -> int:
    """As a shell would tell it: 128 + n for signal n."""
    if outcome.exit is None:
        return 128 + signal.SIGKILL
    return outcome.exit if outcome.exit >= 0 else 128 - outcome.exit


def _cursor(text: str) -> int:
    """What is no number asks for everything."""
    try:
        return int(text[:20])
    except ValueError:
        return 0
