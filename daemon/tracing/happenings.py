"""As much of the events as traces are made of."""

from typing import Any

import msgspec


class _Time(msgspec.Struct):
    created: float = 0
    completed: float | None = None
    start: float = 0
    end: float | None = None


class _Cache(msgspec.Struct):
    read: int = 0
    write: int = 0


class _Tokens(msgspec.Struct):
    input: int = 0
    output: int = 0
    reasoning: int = 0
    cache: _Cache = msgspec.field(default_factory=_Cache)


class Error(msgspec.Struct):
    name: str = ""


class Message(msgspec.Struct, rename={"provider": "providerID", "model": "modelID"}):
    id: str
    role: str
    time: _Time
    provider: str = ""
    model: str = ""
    agent: str = ""
    finish: str = ""
    cost: float = 0.0
    error: Error | None = None
    tokens: _Tokens = msgspec.field(default_factory=_Tokens)


class _State(msgspec.Struct):
    status: str
    time: _Time | None = None


class Tool(msgspec.Struct, rename={"call": "callID"}):
    id: str
    call: str
    tool: str
    state: _State


class _MessageUpdated(msgspec.Struct):
    info: msgspec.Raw


class _Role(msgspec.Struct):
    role: str = ""


class _PartUpdated(msgspec.Struct):
    part: msgspec.Raw


class _Kind(msgspec.Struct):
    type: str = ""


class _Status(msgspec.Struct):
    type: str


class _StatusChanged(msgspec.Struct):
    status: _Status


class _Failed(msgspec.Struct):
    error: Error | None = None


def _decode(data: bytes | msgspec.Raw, shape: type[Any]) -> Any:
    return msgspec.json.decode(data, type=shape)


def finished_message(properties: bytes) -> Message | None:
    """None for a user's, and for one that is not complete."""
    info = _decode(properties, _MessageUpdated).info
    if _decode(info, _Role).role != "assistant":
        return None
    message: Message = _decode(info, Message)
    return message if message.time.completed is not None else None


def finished_tool(properties: bytes) -> Tool | None:
    """None for other parts, and for a call that is not over."""
    part = _decode(properties, _PartUpdated).part
    if _decode(part, _Kind).type != "tool":
        return None
    tool: Tool = _decode(part, Tool)
    return tool if tool.state.status in ("completed", "error") else None


def status_type(properties: bytes) -> str:
    changed: _StatusChanged = _decode(properties, _StatusChanged)
    return changed.status.type


def failure(properties: bytes) -> str:
    """Empty when no error is named."""
    error: Error | None = _decode(properties, _Failed).error
    return error.name if error is not None else ""
