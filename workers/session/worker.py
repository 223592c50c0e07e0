"""The session worker: takes a session's operations, runs one turn at a time, and stops it when told to."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
import trio

from oad.contract.errors import bad_request, named, not_found, session_busy, unexpected
from oad.contract.ids import new_id, now_ms
from oad.contract.limit_text import limit_error
from oad.contract.limits import reached
from oad.contract.message import CreatedTime, MessageWithParts, ModelReference, NamedError, UserMessage
from oad.contract.prompt import (
    CommandInput,
    InitInput,
    PromptInput,
    ShellInput,
    SummarizeInput,
)
from oad.contract.worker import WorkerSpec

from ..allowance import Allowance
from ..audit import Audit, Unrecorded
from ..egress import Egress
from ..environment import take_keys
from ..exec import Exec
from ..link import Answer, Link
from ..restriction.decision import decide
from .bounds import Bounds, TurnStopped
from .closing import close, quiet, refuse
from .command import expand_command
from .compaction import request_compaction
from .conversation import Conversation
from .failure import ABORTED, TurnFailed, first_of, unknown
from .input import accept
from .loop import Loop
from .old_dialect import OldPrompt, flatten, is_old, translate
from .orders import LimitOrder, TurnStart
from .revert import drop_reverted
from .shell import run_shell
from .surroundings import Surroundings, UnknownName
from .texts import INIT
from .turn import Turn

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
    ) -> None:
        self._audit = audit or Unrecorded()
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
        self._number = 0
        self._nursery: trio.Nursery | None = None
        self._operations: dict[str, Callable[[bytes], Awaitable[Answer]]] = {
            "session.prompt": self._prompt,
            "session.prompt_async": self._prompt_async,
            "session.summarize": self._summarize,
            "session.shell": self._shell,
            "session.command": self._command,
            "session.init": self._init,
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
        input, old = _decode(body, PromptInput), _decode(body, OldPrompt)
        if is_old(old):
            return Answer(flatten(await self._answer_prompt(translate(input, old))))
        return Answer(msgspec.json.encode(await self._answer_prompt(input)))

    async def _prompt_async(self, body: bytes) -> Answer:
        input = _decode(body, PromptInput)
        try:
            await self._admit_prompt(input)
        except UnknownName:
            pass  # told by an event, as clients expect it
        return Answer(status=204)

    async def _answer_prompt(self, input: PromptInput) -> MessageWithParts:
        turn, stored = await self._admit_prompt(input)
        return stored if input.no_reply else await self._outcome(turn)

    async def _summarize(self, body: bytes) -> Answer:
        input = _decode(body, SummarizeInput)
        model = ModelReference(provider_id=input.provider_id, model_id=input.model_id)

        async def store(turn: Turn) -> None:
            last = turn.conversation.last_user()
            user = last.info if last and isinstance(last.info, UserMessage) else blank_user(turn, model)
            await request_compaction(turn, user, auto=bool(input.auto), model=model)

        turn = await self._admit(store)
        await self._outcome(turn)
        return Answer(TRUE)

    async def _shell(self, body: bytes) -> Answer:
        input = _decode(body, ShellInput)
        await self._check_shell(input.command)
        if self.busy:
            raise session_busy(self._spec.name)

        async def work(turn: Turn) -> None:
            await run_shell(turn, input)

        async def nothing(turn: Turn) -> None:
            pass

        turn = await self._admit(nothing, work=work)
        return Answer(msgspec.json.encode(await self._outcome(turn)))

    async def _check_shell(self, command: str) -> None:
        """Raises ApiError 403 for what clients may not run."""
        decision = decide(command, self._spec.directory, self._spec.shell)
        verdict = "refused" if decision.rule else "allowed"
        await self._audit.before("shell.decision", decision=verdict, rule=decision.rule, command=command)
        if decision.rule:
            raise named(403, "ForbiddenError", message=decision.message)

    async def _command(self, body: bytes) -> Answer:
        return await self._run_command(_decode(body, CommandInput))

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
        input = _decode(body, InitInput)
        model = f"{input.provider_id}/{input.model_id}"
        command = CommandInput(command=INIT, arguments="", model=model, message_id=input.message_id)
        await self._run_command(command)
        return Answer(TRUE)

    async def _abort(self, body: bytes) -> Answer:
        """Answered when nothing of any turn runs any more."""
        self.abort("asked by the daemon")
        for turn in list(self._unfinished):
            await turn.ended.wait()
        return Answer(msgspec.json.encode({"killed": 0}))

    async def _limit(self, body: bytes) -> Answer:
        """Answered when the reason is noted, of a turn when nothing of it runs any more."""
        order: LimitOrder = _decode(body, LimitOrder)
        if order.call is not None:
            self._allowance.stopped(order.call, order.hit)
            return Answer(TRUE)
        turns = list(self._unfinished)
        for turn in turns:
            turn.verdict = limit_error(order.hit)
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
        turn = Turn(self._number, self._link, self._exec, self._spec, self._services, self._bounds, self._audit)
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
        finally:
            if not started:
                self._forget(turn)
        return turn

    async def _load(self, turn: Turn) -> None:
        reply = await self._link.call("daemon.turn", {"sessionID": self._spec.name})
        start = msgspec.json.decode(reply, type=TurnStart)
        take_keys(start)
        self._services["depth"] = start.depth
        self._bounds.begin(start.limits)
        self._allowance.begin(start.limits, start.output)
        scene = await self._surroundings.scene(start.session.directory, start.credentials)
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

    async def _attempt(self, turn: Turn, work: Work | None) -> NamedError:
        """The error with which the turn has to be closed, if it is not by then."""
        try:
            with turn.scope:
                async with trio.open_nursery() as background:
                    await self._work(turn, work, background)
        except Exception as error:  # noqa: BLE001  a turn is a task boundary
            return turn.verdict or ABORTED if turn.scope.cancel_called else self._diagnose(turn, first_of(error))
        return turn.verdict or ABORTED

    def _diagnose(self, turn: Turn, error: BaseException) -> NamedError:
        if isinstance(error, TurnStopped):
            turn.hit = error.hit
        if isinstance(error, TurnFailed):
            return error.error
        if isinstance(error, UnknownName):
            turn.problem = bad_request(str(error))
            return unknown(str(error))
        _log.error("turn failed", session=self._spec.name, turn=turn.number, exc_info=error)
        return unknown(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

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
            if turn.hit is not None:
                await self._link.publish("session.limit", reached(self._spec.name, turn.hit))
            if turn.problem is not None:
                await refuse(turn, str(turn.problem.body["data"]["message"]))
            elif turn.quiet:
                await quiet(turn)
            else:
                await close(turn, error)
        finally:
            self._conclude(turn)

    def _conclude(self, turn: Turn) -> None:
        """The turn has its answer; the session is free for the next."""
        turn.answer = turn.conversation.last_assistant()
        turn.done.set()
        if self._turn is turn:
            self._turn = None

    def _forget(self, turn: Turn) -> None:
        if self._on_idle is not None:
            self._on_idle(turn.number)
        self._unfinished.discard(turn)
        turn.done.set()
        turn.ended.set()
        if self._turn is turn:
            self._turn = None


def blank_user(turn: Turn, model: ModelReference) -> UserMessage:
    """Stands for the user of a session that has no messages."""
    return UserMessage(
        id=new_id("msg"),
        session_id=turn.session.id,
        time=CreatedTime(created=now_ms()),
        agent=turn.scene.default_agent(),
        model=model,
    )


def _decode(body: bytes, type: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=type)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(str(error)) from error
