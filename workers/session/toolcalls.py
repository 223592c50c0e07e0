"""Running the calls of a step: each from its whole input to a completed or failed part, side by side."""

import json
from pathlib import Path
from typing import Any, cast

import msgspec
import trio

from oad.contract.errors import ApiError
from oad.contract.ids import now_ms
from oad.contract.message import (
    CompletedTime,
    RunningTime,
    ToolCompleted,
    ToolError,
    ToolPart,
    ToolRunning,
)
from oad.contract.permission import ToolReference
from oad.contract.redact import KNOWN

from ..audit import CURRENT_CALL, CurrentCall
from ..exec import Exec
from ..snapshots.keeper import StepKeeper
from ..tools.tool import Rejected, Tool, ToolContext, ToolFailed, ToolResult, take_arguments
from .ask_order import AskOrder
from .doom import DoomGuard
from .failure import TurnFailed
from .images import fit_result
from .permission import Gate
from .turn import Turn

ABORTED_CALL = "Tool execution aborted"


class Calls:
    """The calls of one step. ``tools`` are those offered to the model; others are answered as invalid."""

    def __init__(self, turn: Turn, agent: str, tools: dict[str, Tool[Any]], gate: Gate) -> None:
        self._turn = turn
        self._agent = agent
        self._tools = tools
        self._gate = gate
        self._order = AskOrder()
        self._doom = DoomGuard()
        self._doom_lock = trio.StrictFIFOLock()
        self._settled: dict[str, ToolResult] = {}  # by part, from calls that are being cancelled
        self.keeper: StepKeeper | None = None  # of the step whose calls these are
        self.ended = False  # a person refused: no further model call

    async def run(self, part: ToolPart) -> None:
        """Runs an admitted call to the end of its part. Never raises but for cancellation."""
        try:
            state = await self.outcome(part)
        except BaseException:  # cancelled, perhaps inside a nursery of the tool's own
            self._keep_settled(part)
            raise
        finally:
            self._order.leave(part.id)
        await self._turn.conversation.put_part(msgspec.structs.replace(part, state=state))

    async def outcome(self, part: ToolPart) -> ToolCompleted | ToolError:
        """Runs the call of a part that is shown as running; the state in which it ends."""
        input = part.state.input
        try:
            await self._check_doom(part, input)
            result = await self._execute(part, input)
        except Rejected as refused:
            self.ended = self.ended or refused.ends_turn
            return self._failed(part, str(refused), refused.reason)
        except ToolFailed as failed:
            return self._failed(part, str(failed))
        except ApiError as failed:
            return self._failed(part, message_of(failed))
        except TurnFailed:
            raise
        except Exception as error:  # noqa: BLE001  a tool call is a task boundary, its failure is the model's to read
            return self._failed(part, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        return self._completed(part, result)

    async def admit(self, part: ToolPart, raw: str) -> ToolPart:
        """Publishes the call as running, under the name ``invalid`` if it cannot be understood."""
        self._order.join(part.id)
        input, problem = parse_input(raw)
        tool = self._tools.get(part.tool)
        if tool is None:
            problem = unavailable(part.tool, self._tools)
        elif problem is None:
            problem = misfit(tool, input)
        name = part.tool
        if problem is not None:
            input, name = {"tool": part.tool, "error": problem}, "invalid"
        self._turn.bounds.on_call(name, input)
        running = ToolRunning(input=input, time=RunningTime(start=now_ms()))
        admitted = msgspec.structs.replace(part, tool=name, state=running)
        await self._turn.conversation.put_part(admitted)
        return admitted

    async def _check_doom(self, part: ToolPart, input: dict[str, Any]) -> None:
        if not self._doom.repeats(part.tool, input):
            return
        metadata = {"tool": part.tool, "input": input}
        self._order.leave(part.id)  # the later ones must not wait for the answer
        async with self._doom_lock:  # one question at a time: the answer to the first may settle the rest
            await self._gate.pass_("doom_loop", [part.tool], always=[part.tool], metadata=metadata)

    async def _execute(self, part: ToolPart, input: dict[str, Any]) -> ToolResult:
        if part.tool == "invalid":
            text = f"The arguments provided to the tool are invalid: {input['error']}"
            return ToolResult(title="Invalid Tool", output=text, metadata={"truncated": False})
        tool = self._tools[part.tool]
        if self.keeper is not None:
            await self.keeper.admit(part.tool)
        CURRENT_CALL.set(CurrentCall(part.tool, part.call_id))  # each call has a task of its own
        result = await tool.run(take_arguments(tool, input), self.context(part))
        return await fit_result(self._turn.services, result)

    def context(self, part: ToolPart) -> ToolContext:
        turn = self._turn
        agent = turn.agent(self._agent)
        reference = ToolReference(message_id=part.message_id, call_id=part.call_id)

        async def ask(permission: str, patterns: list[str], *, always: list[str], metadata: dict[str, Any]) -> None:
            await self._order.turn(part.id)
            await self._gate.pass_(permission, patterns, always=always, metadata=metadata, tool=reference)

        async def progress(title: str | None, metadata: dict[str, Any]) -> None:
            await self._progress(part, title, metadata)

        async def publish(type: str, properties: dict[str, Any]) -> None:
            await turn.conversation.publish(type, properties)

        async def call(op: str, params: dict[str, str], body: bytes) -> bytes:
            await trio.lowlevel.checkpoint_if_cancelled()
            if op == "ask.question":
                turn.bounds.on_ask()
            return await turn.link.call(op, params, body)

        async def keep(path: Path) -> None:
            if self.keeper is not None:
                await self.keeper.keep(path)

        def settle(result: ToolResult) -> None:
            self._settled[part.id] = result

        return ToolContext(
            session_id=turn.session.id,
            message_id=part.message_id,
            call_id=part.call_id,
            agent=self._agent,
            directory=Path(turn.session.directory),
            worktree=turn.scene.worktree,
            scratch=Path(turn.spec.scratch),
            exec=self._exec(part.tool, turn.exec_for(agent)),
            confinement=turn.confinement(agent),
            audit=turn.audit,
            ask=ask,
            progress=progress,
            publish=publish,
            call=call,
            services=turn.services,
            keep=keep,
            settle=settle,
        )

    def _exec(self, tool: str, exec: Exec) -> Exec:
        return exec if self.keeper is None else self.keeper.guard(tool, exec)

    def _keep_settled(self, part: ToolPart) -> None:
        """What a cancelled call had to say of itself; without it the closing of the turn ends the part."""
        result = self._settled.get(part.id)
        if result is not None:
            state = self._completed(part, result)
            self._turn.conversation.keep_part(msgspec.structs.replace(part, state=state))

    def _running(self, part: ToolPart) -> ToolRunning:
        """The state as it is shown now, with what ``progress`` added."""
        message = self._turn.conversation.find(part.message_id)
        for known in message.parts if message else []:
            if isinstance(known, ToolPart) and known.id == part.id and isinstance(known.state, ToolRunning):
                return known.state
        raise LookupError(f"call {part.call_id} is not running")

    async def _progress(self, part: ToolPart, title: str | None, metadata: dict[str, Any]) -> None:
        state = self._running(part)
        merged = {**(state.metadata or {}), **metadata}
        state = msgspec.structs.replace(state, title=state.title if title is None else title, metadata=merged)
        await self._turn.conversation.show_part(msgspec.structs.replace(part, state=state))

    def _completed(self, part: ToolPart, result: ToolResult) -> ToolCompleted:
        state = self._running(part)
        return ToolCompleted(
            input=state.input,
            output=KNOWN.conceal_text(result.output),
            title=result.title,
            metadata=result.metadata,
            time=CompletedTime(start=state.time.start, end=now_ms()),
            attachments=result.attachments,
        )

    def _failed(self, part: ToolPart, text: str, reason: str | None = None) -> ToolError:
        state = self._running(part)
        metadata = state.metadata if reason is None else {**(state.metadata or {}), "reason": reason}
        time = CompletedTime(start=state.time.start, end=now_ms())
        return ToolError(input=state.input, error=KNOWN.conceal_text(text), time=time, metadata=metadata)


def parse_input(raw: str) -> tuple[dict[str, Any], str | None]:
    """A call's arguments from the JSON text of a model, or what is wrong with it. No text at all means no arguments."""
    if not raw.strip():
        return {}, None
    try:
        value: object = json.loads(raw, strict=False)  # models put bare newlines into strings
    except ValueError as error:
        return {}, f"The arguments are not valid JSON: {error}. Text: {raw[:2000]}"
    if not isinstance(value, dict):
        return {}, f"The arguments must be a JSON object, not {type(value).__name__}"
    return cast("dict[str, Any]", value), None


def misfit(tool: Tool[Any], input: dict[str, Any]) -> str | None:
    """Why a tool does not take these arguments."""
    try:
        take_arguments(tool, input)
    except msgspec.ValidationError as error:
        return f"Invalid arguments for tool '{tool.name}': {error}"
    return None


def unavailable(name: str, tools: dict[str, Tool[Any]]) -> str:
    offered = ", ".join(sorted({*tools, "invalid"}))
    return f"Model tried to call unavailable tool '{name}'. Available tools: {offered}."


def message_of(failed: ApiError) -> str:
    """The one line of an error body, whichever family it is of."""
    data: object = failed.body.get("data")
    if isinstance(data, dict) and "message" in data:
        return str(cast("dict[str, Any]", data)["message"])
    return str(failed.body.get("message", failed.body))
