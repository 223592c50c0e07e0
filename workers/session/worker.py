"""The session worker: takes a session's operations, runs one turn at a time, and stops it when told to."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
import trio

from oad.contract.errors import bad_request, not_found, session_busy, unexpected
from oad.contract.limit_text import limit_error
from oad.contract.message import MessageWithParts, ModelReference, NamedError, UserMessage
from oad.contract.prompt import (
    CommandInput,
    InitInput,
    PromptInput,
    RevertInput,
    ShellInput,
    SummarizeInput,
)
from oad.contract.worker import WorkerSpec

from ..allowance import Allowance
from ..audit import Audit, Unrecorded
from ..egress import Egress
from ..exec import Exec
from ..link import Answer, Link
from ..snapshots.keeper import Snapshots
from .bounds import Bounds
from .closing import diagnose, end
from .command import expand_command
from .compaction import blank_user, request_compaction
from .conversation import Conversation
from .decoding import decode
from .failure import ABORTED, first_of, unknown
from .input import accept
from .loop import Loop
from .old_dialect import OldPrompt, flatten, is_old, translate
from .orders import LimitOrder
from .patches import newest_tree
from .patching import settle_files
from .report import Report
from .revert import drop_reverted
from .shell import check_shell, run_shell
from .surroundings import Surroundings, UnknownName
from .texts import INIT
from .turn import Turn
from .turn_source import TurnSource
from .undo import Undo

_log = structlog.get_logger("oad.session")

TRUE = b"true"
Work = Callable[[Turn], Awaitable[None]]


class SessionWorker:
    """``on_idle`` is told the number of a turn when nothing of it runs any more."""

    def __init__(
        self,
        link: Link,
        exec: Exec,
        spec: WorkerSpec,
        surroundings: Surroundings,
        *,
        on_idle: Callable[[int], None] | None = None,
        allowance: Allowance | None = None,
        audit: Audit | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        self._audit = audit or Unrecorded()
        self._snapshots = snapshots or Snapshots(None, spec.snapshots.problem)
        self._report = Report(self._snapshots)
        self._undo = Undo(self._snapshots, self._report, self._audit)
        self._link = link
        self._exec = exec
        self._spec = spec
        self._surroundings = surroundings
        self._on_idle = on_idle
        self._allowance = allowance or Allowance()
        self._bounds = Bounds()
        self._admission = trio.Lock()
        self._turn: Turn | None = None
        self._unfinished: set[Turn] = set()  # answered turns whose title is still being made, and the current one
        self._services: dict[str, Any] = {"egress": Egress.of(spec)}
        self._source = TurnSource(link, spec.name)
        self._number = 0
        self._settled = trio.Event()  # what the last turn changed is recorded
        self._settled.set()
        self._nursery: trio.Nursery | None = None
        self._operations: dict[str, Callable[[bytes], Awaitable[Answer]]] = {
            "session.prompt": self._prompt,
            "session.prompt_async": self._prompt_async,
            "session.summarize": self._summarize,
            "session.shell": self._shell,
            "session.command": self._command,
            "session.init": self._init,
            "session.revert": self._revert,
            "session.unrevert": self._unrevert,
            "worker.abort": self._abort,
            "worker.limit": self._limit,
        }

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serves until cancelled; a turn that is under way is then closed as aborted."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Serves one call. Raises ApiError."""
        operation = self._operations.get(op)
        if operation is None:
            raise not_found(f"No such operation: {op}")
        try:
            return await operation(body)
        except UnknownName as error:
            raise bad_request(str(error)) from error

    @property
    def busy(self) -> bool:
        return self._turn is not None

    def abort(self, reason: str = "aborted") -> None:
        """Stops the current turn. From here on no tool of it starts and it publishes nothing but its closing.

        Has no checkpoint, so that a signal's handler can call it.
        """
        for turn in self._unfinished:
            turn.sealed = True
            turn.scope.cancel()
        _log.info("abort", session=self._spec.name, reason=reason, turns=len(self._unfinished))

    # -- operations ---------------------------------------------------------------------------------------------

    async def _prompt(self, body: bytes) -> Answer:
        input, old = decode(body, PromptInput), decode(body, OldPrompt)
        if is_old(old):
            return Answer(flatten(await self._answer_prompt(translate(input, old))))
        return Answer(msgspec.json.encode(await self._answer_prompt(input)))

    async def _prompt_async(self, body: bytes) -> Answer:
        input = decode(body, PromptInput)
        try:
            await self._admit_prompt(input)
        except UnknownName:
            pass  # told by an event, as clients expect it
        return Answer(status=204)

    async def _answer_prompt(self, input: PromptInput) -> MessageWithParts:
        turn, stored = await self._admit_prompt(input)
        return stored if input.no_reply else await self._outcome(turn)

    async def _summarize(self, body: bytes) -> Answer:
        input = decode(body, SummarizeInput)
        model = ModelReference(provider_id=input.provider_id, model_id=input.model_id)

        async def store(turn: Turn) -> None:
            last = turn.conversation.last_user()
            user = last.info if last and isinstance(last.info, UserMessage) else blank_user(turn, model)
            await request_compaction(turn, user, auto=bool(input.auto), model=model)

        turn = await self._admit(store)
        await self._outcome(turn)
        return Answer(TRUE)

    async def _shell(self, body: bytes) -> Answer:
        input = decode(body, ShellInput)
        await check_shell(self._spec, self._audit, input.command)
        if self.busy:
            raise session_busy(self._spec.name)

        async def work(turn: Turn) -> None:
            await run_shell(turn, input)

        async def nothing(turn: Turn) -> None:
            pass

        turn = await self._admit(nothing, work=work)
        return Answer(msgspec.json.encode(await self._outcome(turn)))

    async def _command(self, body: bytes) -> Answer:
        return await self._run_command(decode(body, CommandInput))

    async def _run_command(self, input: CommandInput) -> Answer:
        async def store(turn: Turn) -> None:
            turn.bounds.on_prompt()
            await accept(turn, await expand_command(turn, input))
            turn.prompts += 1

        turn = await self._admit(store)
        message = await self._outcome(turn)
        properties = {
            "name": input.command,
            "sessionID": self._spec.name,
            "arguments": input.arguments,
            "messageID": message.info.id,
        }
        await self._link.publish("command.executed", properties)
        return Answer(msgspec.json.encode(message))

    async def _init(self, body: bytes) -> Answer:
        input = decode(body, InitInput)
        model = f"{input.provider_id}/{input.model_id}"
        command = CommandInput(command=INIT, arguments="", model=model, message_id=input.message_id)
        await self._run_command(command)
        return Answer(TRUE)

    async def _revert(self, body: bytes) -> Answer:
        input = decode(body, RevertInput)
        return await self._change_back(lambda found: self._undo.revert(found, input.message_id, input.part_id))

    async def _unrevert(self, body: bytes) -> Answer:
        return await self._change_back(self._undo.unrevert)

    async def _change_back(self, change: Callable[[Conversation], Awaitable[None]]) -> Answer:
        """Answers with the session's record as it is then. Raises ApiError 409 while a turn runs."""
        async with self._admission:
            if self.busy:
                raise session_busy(self._spec.name)
            await self._settled.wait()
            start = await self._source.fetch()
            scene = await self._surroundings.scene(start.session.directory, start.credentials)
            self._snapshots.begin(wanted=scene.snapshots, tree=newest_tree(start.messages))
            await change(Conversation(self._link, start.session, start.messages))
            return Answer(msgspec.json.encode((await self._source.fetch()).session))

    async def _abort(self, body: bytes) -> Answer:
        """Answered when nothing of any turn runs any more."""
        self.abort("asked by the daemon")
        for turn in list(self._unfinished):
            await turn.ended.wait()
        return Answer(msgspec.json.encode({"killed": 0}))

    async def _limit(self, body: bytes) -> Answer:
        """Answered when the reason is noted, of a turn when nothing of it runs any more."""
        order: LimitOrder = decode(body, LimitOrder)
        if order.call is not None:
            self._allowance.stopped(order.call, order.hit)
            return Answer(TRUE)
        turns = list(self._unfinished)
        for turn in turns:
            turn.verdict = order.error or limit_error(order.hit)
        self.abort(f"limit {order.hit.limit}")
        self._stopped = False
        for turn in turns:
            await turn.ended.wait()
        return Answer(TRUE)

    # -- admission ----------------------------------------------------------------------------------------------

    async def _admit_prompt(self, input: PromptInput) -> tuple[Turn, MessageWithParts]:
        stored: list[MessageWithParts] = []

        async def store(turn: Turn) -> None:
            if not input.no_reply:
                turn.bounds.on_prompt()
            stored.append(await accept(turn, input))
            turn.prompts += 0 if input.no_reply else 1

        turn = await self._admit(store, silent=bool(input.no_reply))
        return turn, stored[0]

    async def _admit(self, store: Work, *, work: Work | None = None, silent: bool = False) -> Turn:
        """Stores what begins or joins a turn, and starts the turn if there is none.

        ``work`` comes before any prompt is answered and wants the session for itself. ``silent``: start none.
        """
        async with self._admission:
            if self._turn is not None and self._turn.sealed:
                await self._turn.done.wait()
            if work is not None and self._turn is not None:
                raise session_busy(self._spec.name)
            if self._turn is not None:
                await self._store(self._turn, store)
                return self._turn
            return await self._open(store, work, silent=silent)

    async def _open(self, store: Work, work: Work | None, *, silent: bool) -> Turn:
        self._number += 1
        self._stopped = False
        turn = Turn(
            self._number, self._link, self._exec, self._spec, self._services, self._bounds, self._audit, self._report
        )
        self._turn = turn  # from now on an abort reaches it, though it has not begun
        self._unfinished.add(turn)
        started = False
        try:
            await self._load(turn)
            await self._store(turn, store)
            if not silent:
                assert self._nursery is not None, "prompted before it runs"
                self._nursery.start_soon(self._run, turn, work)
                started = True
                await turn.announced.wait()  # who is told that a prompt was taken finds the session busy
        finally:
            if not started:
                self._forget(turn)
        return turn

    async def _load(self, turn: Turn) -> None:
        await self._settled.wait()
        start = await self._source.fetch()
        self._services["depth"] = start.depth
        self._bounds.begin(start.limits)
        self._allowance.begin(start.limits, start.output)
        scene = await self._surroundings.scene(start.session.directory, start.credentials)
        self._snapshots.begin(wanted=scene.snapshots, tree=newest_tree(start.messages))
        turn.begin(scene, Conversation(self._link, start.session, start.messages))
        turn.conversation.output = lambda: self._allowance.output
        await drop_reverted(turn.conversation)

    async def _store(self, turn: Turn, store: Work) -> None:
        try:
            with turn.arrival():
                await store(turn)
        except UnknownName as error:
            properties = {"sessionID": self._spec.name, "error": unknown(str(error))}
            await self._link.publish("session.error", properties)
            raise

    async def _outcome(self, turn: Turn) -> MessageWithParts:
        """What a turn leaves as its answer. Raises ApiError when it could not begin to answer."""
        await turn.done.wait()
        if turn.problem is not None:
            raise turn.problem
        if turn.answer is None:
            raise unexpected()
        return turn.answer

    # -- the turn -----------------------------------------------------------------------------------------------

    async def _run(self, turn: Turn, work: Work | None) -> None:
        """Runs a turn to its closing; whatever happens in it, the worker lives on."""
        error = ABORTED
        try:
            error = await self._attempt(turn, work)
        finally:
            if not turn.done.is_set():
                await self._close(turn, error)
            self._forget(turn)
            if turn.keeper is not None and self._nursery is not None and self._settled.is_set():
                self._settled = trio.Event()
                self._nursery.start_soon(settle_files, turn, turn.keeper, self._settled)

    async def _attempt(self, turn: Turn, work: Work | None) -> NamedError:
        """The error with which the turn has to be closed, if it is not by then."""
        try:
            with turn.scope:
                async with trio.open_nursery() as background:
                    turn.background = background
                    await self._work(turn, work, background)
        except Exception as error:  # noqa: BLE001  a turn is a task boundary
            return turn.verdict or ABORTED if turn.scope.cancel_called else diagnose(turn, first_of(error))
        return turn.verdict or ABORTED

    async def _work(self, turn: Turn, work: Work | None, background: trio.Nursery) -> None:
        if work is None or await self._leaves_prompts(turn, work):
            await Loop(turn, background).run()
        await turn.conversation.idle()
        self._conclude(turn)

    async def _leaves_prompts(self, turn: Turn, work: Work) -> bool:
        """Does the work; whether prompts came meanwhile. If not, the turn takes none any more."""
        await work(turn)
        while not turn.prompts:
            if await turn.seal_when_stored():
                return False
        return True

    async def _close(self, turn: Turn, error: NamedError) -> None:
        turn.sealed = True
        try:
            await end(turn, error)
        finally:
            self._conclude(turn)

    def _conclude(self, turn: Turn) -> None:
        """The turn has its answer; the session is free for the next."""
        turn.conclude()
        if self._turn is turn:
            self._turn = None

    def _forget(self, turn: Turn) -> None:
        if self._on_idle is not None:
            self._on_idle(turn.number)
        self._unfinished.discard(turn)
        turn.announced.set()
        turn.done.set()
        turn.ended.set()
        if self._turn is turn:
            self._turn = None
