"""An exported session as Markdown: a transcript for people. What was said stands there as it is; what calls took and
gave is folded. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Final

import msgspec

from oad.contract.message import (
    AgentPart,
    AssistantMessage,
    CompactionPart,
    FilePart,
    Message,
    MessageWithParts,
    Part,
    PatchPart,
    ReasoningPart,
    RetryPart,
    SubtaskPart,
    TextPart,
    ToolCompleted,
    ToolError,
    ToolPart,
)
from oad.contract.session import Session, Todo, Tokens

from .reading import Outline

_outline: Final = msgspec.json.Decoder(Outline)
_message: Final = msgspec.json.Decoder(MessageWithParts)
_BACKTICKS: Final = re.compile(r"`+")
_INLINE_URL: Final = 200  # characters of an address that are shown; longer ones hold the file itself


def render(exported: bytes) -> bytes:
    """Of the JSON form. Blocks."""
    return ("\n\n".join(_session(exported)) + "\n").encode()


def _session(raw: bytes | msgspec.Raw) -> Iterator[str]:
    outline = _outline.decode(raw)
    info = msgspec.json.decode(outline.info, type=Session)
    yield f"# {_line(info.title)}"
    yield "\n".join(_facts(info))
    for message in outline.messages:
        yield from _one(_message.decode(message))
    if todos := msgspec.json.decode(outline.todos, type=list[Todo]):
        yield "## Todo"
        yield "\n".join(map(_todo, todos))
    for child in outline.children or ():
        yield "---"
        yield from _session(child)


def _facts(info: Session) -> Iterator[str]:
    yield f"- Session: `{info.id}`" + (f", of `{info.parent_id}`" if info.parent_id else "")
    yield f"- Directory: `{info.directory}`"
    yield f"- From {_moment(info.time.created)} to {_moment(info.time.updated)}"
    if info.model is not None:
        yield f"- Model: {_line(info.model.provider_id)}/{_line(info.model.id)}"
    if info.tokens is not None:
        yield f"- Used: {_usage(info.cost or 0, info.tokens)}"
    if info.summary is not None and info.summary.files:
        summary = info.summary
        yield f"- Changed: {summary.files} files, +{summary.additions} −{summary.deletions} lines"


def _one(message: MessageWithParts) -> Iterator[str]:
    yield f"## {_head(message.info)}"
    for part in message.parts:
        if text := _part(part):
            yield text
    if isinstance(message.info, AssistantMessage):
        if (error := message.info.error) is not None:
            yield f"**{_line(error.name)}**: {_line(str(error.data.get('message', '')))}"
        yield f"*{_usage(message.info.cost, message.info.tokens)}*"


def _head(info: Message) -> str:
    when = _moment(info.time.created)
    if not isinstance(info, AssistantMessage):
        return f"User, {when}"
    took = "" if info.time.completed is None else f", {(info.time.completed - info.time.created) / 1000:.1f} s"
    return f"{_line(info.agent)} ({_line(info.provider_id)}/{_line(info.model_id)}), {when}{took}"


def _part(part: Part) -> str:
    match part:
        case TextPart():
            return "" if part.synthetic else part.text.strip("\n")
        case ReasoningPart():
            return _folded("Thought", part.text.strip("\n")) if part.text.strip() else ""
        case ToolPart():
            return _call(part)
        case FilePart():
            return f"Attached: {_file(part)}"
        case PatchPart():
            return "Changed: " + ", ".join(f"`{file}`" for file in part.files)
        case AgentPart():
            return f"Agent: {_line(part.name)}"
        case SubtaskPart():
            return f"Task for {_line(part.agent)}: {_line(part.description)}\n\n{part.prompt}"
        case RetryPart():
            return f"*Attempt {part.attempt} failed: {_line(str(part.error.data.get('message', part.error.name)))}*"
        case CompactionPart():
            return "*What came before was summarized.*"
        case _:
            return ""


def _call(part: ToolPart) -> str:
    state = part.state
    title = f"{part.tool}: {state.title}" if isinstance(state, ToolCompleted) and state.title else part.tool
    took = ""
    pieces = [_fenced(msgspec.json.format(msgspec.json.encode(state.input)).decode(), "json")]
    if isinstance(state, ToolCompleted | ToolError):
        took = f", {(state.time.end - state.time.start) / 1000:.1f} s"
        pieces.append(_fenced(state.output if isinstance(state, ToolCompleted) else state.error))
    if isinstance(state, ToolCompleted):
        pieces += [f"Attached: {_file(file)}" for file in state.attachments or ()]
    return _folded(f"{title} ({state.__struct_config__.tag}{took})", "\n\n".join(pieces))


def _folded(title: str, content: str) -> str:
    return f"<details>\n<summary>{escape(_line(title))}</summary>\n\n{content}\n\n</details>"


def _fenced(text: str, language: str = "") -> str:
    """Behind more backticks than stand anywhere in it."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _file(part: FilePart) -> str:
    name = part.filename or (part.url if len(part.url) <= _INLINE_URL else "a file")
    return f"{_line(name)} ({_line(part.mime)})"


def _todo(todo: Todo) -> str:
    return f"- [{'x' if todo.status == 'completed' else ' '}] {_line(todo.content)} ({_line(todo.status)})"


def _usage(cost: float, tokens: Tokens) -> str:
    cached = f", {tokens.cache.read} from cache" if tokens.cache.read else ""
    return f"${cost:.6g}, {tokens.input} tokens in{cached}, {tokens.output + tokens.reasoning} out"


def _moment(milliseconds: float) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "?"


def _line(text: str) -> str:
    return " ".join(text.split())
