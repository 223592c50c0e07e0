"""From stored messages to what a model is sent."""

import base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from oad.contract.catalogue import Model
from oad.contract.message import (
    AssistantMessage,
    CompactionPart,
    FilePart,
    MessageWithParts,
    ReasoningPart,
    SubtaskPart,
    TextPart,
    ToolCompleted,
    ToolError,
    ToolPart,
    UserMessage,
)

from ..providers.model import (
    ChatMessage,
    Content,
    MediaContent,
    ReasoningContent,
    TextContent,
    ToolOutcome,
    ToolUse,
)
from .texts import CLEARED, INTERRUPTED, SUMMARY_REQUEST

_TEXTUAL: Final = frozenset(
    {"application/x-directory", "application/json", "application/xml", "application/javascript"}
)


def since_compaction(messages: list[MessageWithParts]) -> list[MessageWithParts]:
    """From the newest finished summary on: what went before is told by the summary."""
    finished = {
        message.info.parent_id
        for message in messages
        if isinstance(message.info, AssistantMessage)
        and message.info.summary
        and message.info.finish
        and message.info.error is None
    }
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].info.id in finished and has_compaction(messages[index]):
            return _with_tail(messages, index)
    return messages


def _with_tail(messages: list[MessageWithParts], start: int) -> list[MessageWithParts]:
    """From the wish for a summary at ``start`` on, with what is kept of the time before it behind the summary."""
    wish = messages[start]
    kept_from = {part.tail_start_id for part in wish.parts if isinstance(part, CompactionPart)} - {None}
    kept = next((index for index in range(start) if messages[index].info.id in kept_from), None)
    summed = next((i for i in range(start + 1, len(messages)) if _answers(messages[i], wish.info.id)), None)
    if kept is None or summed is None:
        return messages[start:]
    return [*messages[start : summed + 1], *messages[kept:start], *messages[summed + 1 :]]


def _answers(message: MessageWithParts, id: str) -> bool:
    return isinstance(message.info, AssistantMessage) and message.info.parent_id == id


def has_compaction(message: MessageWithParts) -> bool:
    return any(isinstance(part, CompactionPart) for part in message.parts)


def to_chat(messages: list[MessageWithParts], model: Model, *, media: bool = True) -> list[ChatMessage]:
    """``media=False`` leaves attachments out, for a summary that has to fit."""
    return [chat for message in messages for chat in _convert(message, model, media=media)]


def _convert(message: MessageWithParts, model: Model, *, media: bool) -> Iterator[ChatMessage]:
    if isinstance(message.info, UserMessage):
        content = [item for part in message.parts for item in _user_content(part, model, media=media)]
        if content:
            yield ChatMessage(role="user", content=content)
    elif not _is_empty_failure(message, message.info):
        yield from _assistant(message, message.info, model, media=media)


def _is_empty_failure(message: MessageWithParts, info: AssistantMessage) -> bool:
    """A failed answer is not sent again, but what an aborted one said and did remains said and done."""
    if info.error is None:
        return False
    if info.error.name != "MessageAbortedError":
        return True
    return not any(isinstance(part, TextPart | ToolPart) for part in message.parts)


def _user_content(part: object, model: Model, *, media: bool) -> list[Content]:
    match part:
        case TextPart() if not part.ignored and part.text:
            return [TextContent(part.text)]
        case FilePart() if not is_textual(part.mime):
            return [_media(part, model, media=media)]
        case CompactionPart():
            return [TextContent(SUMMARY_REQUEST)]
        case SubtaskPart():
            return [TextContent("The following tool was executed by the user")]
        case _:
            return []


def is_textual(mime: str) -> bool:
    """Whether a file of this type is read as text when it comes in; its part then only names it."""
    return mime.startswith("text/") or mime in _TEXTUAL


def _media(part: FilePart, model: Model, *, media: bool) -> Content:
    kind = part.mime.split("/")[0] if part.mime != "application/pdf" else "pdf"
    name = part.filename or "file"
    if not media:
        return TextContent(f"[Attached {part.mime}: {name}]")
    if not getattr(model.capabilities.input, kind, False):
        return TextContent(f'ERROR: Cannot read "{name}" (this model does not support {kind} input). Inform the user.')
    data = data_of(part.url)
    if data is None:
        return TextContent(f'ERROR: Cannot read "{name}" ({part.url[:200]} is not a data URL). Inform the user.')
    return MediaContent(mime=part.mime, data=base64.b64encode(data).decode(), filename=part.filename)


def data_of(url: str) -> bytes | None:
    """The bytes of a data: URL; None if it is none or broken."""
    if not url.startswith("data:") or "," not in url:
        return None
    head, body = url[5:].split(",", 1)
    raw = unquote_to_bytes(body)
    if not head.endswith(";base64"):
        return raw
    try:
        return base64.b64decode(raw, validate=False)
    except ValueError:
        return None


def _assistant(
    message: MessageWithParts, info: AssistantMessage, model: Model, *, media: bool
) -> Iterator[ChatMessage]:
    same_model = (info.provider_id, info.model_id) == (model.provider_id, model.id)
    said: list[Content] = []
    outcomes: list[ToolOutcome] = []
    for part in message.parts:
        match part:
            case TextPart() if part.text:
                said.append(TextContent(part.text))
            case ReasoningPart() if part.text and same_model:  # another model could not verify its signature
                said.append(ReasoningContent(part.text, part.metadata))
            case ToolPart():
                said.append(ToolUse(part.call_id, part.tool, part.state.input))
                outcomes.append(_outcome(part, model, media=media))
            case _:
                pass
    if said:
        yield ChatMessage(role="assistant", content=said)
    if outcomes:
        yield ChatMessage(role="tool", content=list(outcomes))


def _outcome(part: ToolPart, model: Model, *, media: bool) -> ToolOutcome:
    match part.state:
        case ToolCompleted() if part.state.time.compacted:
            return ToolOutcome(part.call_id, part.tool, CLEARED)
        case ToolCompleted():
            shown = [_media(file, model, media=media) for file in part.state.attachments or []]
            texts = [part.state.output, *(item.text for item in shown if isinstance(item, TextContent))]
            pictures = [item for item in shown if isinstance(item, MediaContent)]
            return ToolOutcome(
                part.call_id, part.tool, "\n".join(texts) if len(texts) > 1 else texts[0], media=pictures
            )
        case ToolError():
            partial = (part.state.metadata or {}).get("output")
            text = f"{partial}\n{part.state.error}" if partial and isinstance(partial, str) else part.state.error
            return ToolOutcome(part.call_id, part.tool, text, is_error=True)
        case _:
            return ToolOutcome(part.call_id, part.tool, INTERRUPTED, is_error=True)
