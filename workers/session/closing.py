"""How a turn that did not end by itself is closed: nothing is left open, and everyone is told."""

from typing import Final

import msgspec
import structlog
import trio

from oad.contract.errors import bad_request
from oad.contract.ids import now_ms
from oad.contract.limits import reached
from oad.contract.message import (
    AssistantMessage,
    CompletedTime,
    MessageWithParts,
    NamedError,
    ToolError,
    ToolPart,
    ToolPending,
    ToolRunning,
    UserMessage,
)

from .bounds import TurnStopped
from .failure import TurnFailed, unknown
from .history import has_compaction
from .surroundings import UnknownName
from .toolcalls import ABORTED_CALL
from .turn import Turn

_log = structlog.get_logger("oad.session")

_PATIENCE_S: Final = (
    5.0  # for a daemon that does not take events any more; then it is about to kill this process anyway
)


def diagnose(turn: Turn, error: BaseException) -> NamedError:
    """What a turn that failed with this is closed with; for what no message can carry, its problem is set."""
    if isinstance(error, TurnStopped):
        turn.hit = error.hit
    if isinstance(error, TurnFailed):
        return error.error
    if isinstance(error, UnknownName):
        turn.problem = bad_request(str(error))
        return unknown(str(error))
    _log.error("turn failed", session=turn.spec.name, turn=turn.number, exc_info=error)
    return unknown(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


async def end(turn: Turn, error: NamedError) -> None:
    """As its kind of end demands."""
    if turn.hit is not None:
        await turn.link.publish("session.limit", reached(turn.spec.name, turn.hit))
    if turn.problem is not None:
        await refuse(turn, str(turn.problem.body["data"]["message"]))
    elif turn.quiet:
        await quiet(turn)
    else:
        await close(turn, error)


async def close(turn: Turn, error: NamedError) -> None:
    """Ends every open part and message with ``error`` and publishes it all, though the turn may be cancelled."""
    with trio.move_on_after(_PATIENCE_S, shield=True):
        conversation = turn.conversation
        await conversation.publish("session.error", {"sessionID": turn.session.id, "error": error})
        await conversation.idle()
        await conversation.settle()
        for part in turn.reducer.unfinished() if turn.reducer else []:
            await conversation.put_part(part)
        await _ensure_answer(turn)
        for message in list(conversation.messages):
            if isinstance(message.info, AssistantMessage):
                await _close_message(turn, message, message.info, error)
        await _settle_usage(turn)
        await conversation.idle()


async def refuse(turn: Turn, text: str) -> None:
    """Closes a turn that could not begin to answer."""
    with trio.move_on_after(_PATIENCE_S, shield=True):
        conversation = turn.conversation
        await conversation.publish("session.error", {"sessionID": turn.session.id, "error": unknown(text)})
        await conversation.settle()
        await _settle_usage(turn)
        await conversation.idle()


async def quiet(turn: Turn) -> None:
    """Closes a turn whose own work left nothing open."""
    with trio.move_on_after(_PATIENCE_S, shield=True):
        await turn.conversation.settle()
        await turn.conversation.idle()


async def _settle_usage(turn: Turn) -> None:
    if turn.conversation.owes:
        await turn.conversation.patch({})


async def _ensure_answer(turn: Turn) -> None:
    """A turn stopped before its first step leaves an empty answer, which tells why nothing came."""
    messages = turn.conversation.messages
    if turn.replied or not messages or has_compaction(messages[-1]):
        return
    if isinstance(messages[-1].info, UserMessage):
        await turn.conversation.put_message(turn.new_answer(messages[-1].info, messages[-1].info.agent))


async def _close_message(turn: Turn, message: MessageWithParts, info: AssistantMessage, error: NamedError) -> None:
    for part in list(message.parts):
        if isinstance(part, ToolPart) and isinstance(part.state, ToolPending | ToolRunning):
            await turn.conversation.put_part(msgspec.structs.replace(part, state=aborted_state(part.state)))
    if info.time.completed is None:
        await turn.complete(msgspec.structs.replace(info, error=info.error or error))


def aborted_state(state: ToolPending | ToolRunning) -> ToolError:
    now = now_ms()
    start = state.time.start if isinstance(state, ToolRunning) else now
    shown = (state.metadata or {}) if isinstance(state, ToolRunning) else {}
    time = CompletedTime(start=start, end=now)
    return ToolError(input=state.input, error=ABORTED_CALL, time=time, metadata={**shown, "interrupted": True})
