"""How a turn is closed when its worker can't do it: nothing stays open, nothing that was shown is lost.

Pure: from the open messages and their parts as stored, plus what only streamed so far, to the records that end them.
"""

from typing import Final

import msgspec

from oad.contract.message import (
    AssistantMessage,
    CompletedTime,
    Message,
    NamedError,
    Part,
    PartTime,
    ReasoningPart,
    TextPart,
    ToolError,
    ToolPart,
    ToolPending,
    ToolRunning,
)

TOOL_ABORTED: Final = "Tool execution aborted"

_message: Final = msgspec.json.Decoder(Message)
_part: Final = msgspec.json.Decoder(Part)


def aborted(text: str = "Aborted") -> NamedError:
    return NamedError(name="MessageAbortedError", data={"message": text})


def crashed(text: str) -> NamedError:
    return NamedError(name="UnknownError", data={"message": text})


def close_message(stored: bytes, error: NamedError, now_ms: int) -> AssistantMessage | None:
    """The message with its end and the reason; None if there is nothing to close."""
    message = _message.decode(stored)
    if not isinstance(message, AssistantMessage) or message.time.completed is not None:
        return None
    message.time.completed = now_ms
    message.error = message.error or error
    return message


def close_part(stored: bytes, streamed: str, now_ms: int) -> Part | None:
    """The ended form of an open part, None for one that was not. ``streamed``: text not yet in the record."""
    part = _part.decode(stored)
    if isinstance(part, ToolPart) and isinstance(part.state, ToolPending | ToolRunning):
        start = part.state.time.start if isinstance(part.state, ToolRunning) else now_ms
        metadata = part.state.metadata if isinstance(part.state, ToolRunning) else None
        part.state = ToolError(
            input=part.state.input,
            error=TOOL_ABORTED,
            time=CompletedTime(start=start, end=now_ms),
            metadata={**(metadata or {}), "interrupted": True},
        )
        return part
    if isinstance(part, TextPart | ReasoningPart) and part.time is not None and part.time.end is None:
        part.text += streamed
        part.time = PartTime(start=part.time.start, end=now_ms)
        return part
    return None
