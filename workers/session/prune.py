"""Forgets the outputs of old tool calls: they stay stored and listed, but are not sent to the model any more."""

from typing import Final

import msgspec

from oad.contract.ids import now_ms
from oad.contract.message import MessageWithParts, ToolCompleted, ToolPart, UserMessage

from .turn import Turn

KEPT_TOKENS: Final = 40_000  # of the newest outputs
WORTHWHILE_TOKENS: Final = 20_000
KEPT_TURNS: Final = 2
_CHARACTERS_PER_TOKEN: Final = 4
_PRECIOUS: Final = frozenset({"skill"})


async def prune(turn: Turn) -> None:
    if not turn.scene.compaction.prune:
        return
    for part in prunable(turn.conversation.messages):
        state = part.state
        assert isinstance(state, ToolCompleted)
        time = msgspec.structs.replace(state.time, compacted=now_ms())
        forgotten = msgspec.structs.replace(part, state=msgspec.structs.replace(state, time=time))
        await turn.conversation.put_part(forgotten)


def prunable(messages: list[MessageWithParts]) -> list[ToolPart]:
    """Completed calls before the last turns and beyond the tokens kept; none if they are not worth it."""
    turns, kept, found, gain = 0, 0, list[ToolPart](), 0
    for message in reversed(messages):
        if isinstance(message.info, UserMessage):
            turns += 1
        elif message.info.summary:
            break
        if turns < KEPT_TURNS:
            continue
        for part in reversed(message.parts):
            if not isinstance(part, ToolPart) or not isinstance(part.state, ToolCompleted) or part.tool in _PRECIOUS:
                continue
            if part.state.time.compacted:
                return found if gain > WORTHWHILE_TOKENS else []
            size = len(part.state.output) // _CHARACTERS_PER_TOKEN
            kept += size
            if kept > KEPT_TOKENS:
                found.append(part)
                gain += size
    return found if gain > WORTHWHILE_TOKENS else []
