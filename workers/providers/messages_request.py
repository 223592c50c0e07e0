"""The body of an Anthropic messages call."""

import re
from typing import Any

from .media import accepts, as_text, media_kind
from .model import (
    ChatMessage,
    Content,
    MediaContent,
    ModelRequest,
    ReasoningContent,
    TextContent,
    ToolOutcome,
    ToolUse,
)
from .option_names import anthropic_options

Json = dict[str, Any]

USUAL_OUTPUT = 32_000
CACHED: Json = {"type": "ephemeral"}
CACHED_MESSAGES = 2  # the newest: one is read in this call, the other is written for the next
_FOREIGN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def messages_body(request: ModelRequest) -> Json:
    options = anthropic_options(request.options)
    thinking: Json = options.get("thinking") or {}
    body: Json = {
        "model": request.model.api.id,
        "max_tokens": _max_tokens(request, thinking),
        "messages": messages(request),
        "stream": True,
    }
    if system := _system(request):
        body["system"] = system
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
        body["tool_choice"] = {"type": _choice(request, thinking)}
    if not _thinks(thinking):  # a thinking model refuses both
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.top_p is not None:
            body["top_p"] = request.top_p
    return body | options


def beta_headers(body: Json) -> dict[str, str]:
    """Models with a thinking budget think between tool calls only when asked to by this header."""
    thinking: Json = body.get("thinking") or {}
    between = thinking.get("type") == "enabled" and "tools" in body
    return {"anthropic-beta": "interleaved-thinking-2025-05-14"} if between else {}


def _thinks(thinking: Json) -> bool:
    return bool(thinking) and thinking.get("type") != "disabled"


def _max_tokens(request: ModelRequest, thinking: Json) -> int:
    """The thinking budget comes on top of what is asked for, as far as the model allows it."""
    limit = request.model.limit.output
    wanted = request.max_output_tokens or min(limit or USUAL_OUTPUT, USUAL_OUTPUT)
    budget = thinking.get("budget_tokens") or 0
    return min(wanted + budget, max(limit, budget + 1)) if limit else wanted + budget


def _choice(request: ModelRequest, thinking: Json) -> str:
    forced = _thinks(thinking) and request.tool_choice == "required"
    return "auto" if forced else _CHOICES[request.tool_choice]  # thinking and a forced tool exclude each other


def _system(request: ModelRequest) -> list[Json]:
    blocks: list[Json] = [{"type": "text", "text": text} for text in request.system if text.strip()]
    if blocks:
        blocks[-1]["cache_control"] = CACHED
    return blocks


def messages(request: ModelRequest) -> list[Json]:
    """Outcomes of tools are user content here; neighbours of one role are joined: turns have to alternate."""
    turns: list[Json] = []
    for message in request.messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for item in message.content if (block := _block(request, message, item))]
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        elif blocks:
            turns.append({"role": role, "content": blocks})
    for turn in turns[-CACHED_MESSAGES:]:
        _mark_cached(turn["content"])
    return turns


def _mark_cached(blocks: list[Json]) -> None:
    """Thinking cannot carry the mark."""
    for block in reversed(blocks):
        if block["type"] not in {"thinking", "redacted_thinking"}:
            block["cache_control"] = CACHED
            return


def _block(request: ModelRequest, message: ChatMessage, item: Content) -> Json | None:
    match item:
        case TextContent():
            return {"type": "text", "text": item.text} if item.text.strip() else None
        case ReasoningContent():
            return _thought(item) if message.role == "assistant" else None
        case MediaContent():
            return _media(request, item)
        case ToolUse():
            return {"type": "tool_use", "id": _own_id(item.id), "name": item.name, "input": item.input}
        case ToolOutcome():
            return _outcome(request, item)


def _thought(item: ReasoningContent) -> Json | None:
    """Only thinking that the vendor signed is accepted back; another vendor's is left out."""
    metadata = item.metadata or {}
    if data := metadata.get("redacted"):
        return {"type": "redacted_thinking", "data": data}
    if signature := metadata.get("signature"):
        return {"type": "thinking", "thinking": item.text, "signature": signature}
    return None


def _media(request: ModelRequest, media: MediaContent) -> Json:
    kind = media_kind(media.mime)
    if kind not in {"image", "pdf"} or not accepts(request.model, media):
        return {"type": "text", "text": as_text(media)}
    source = {"type": "base64", "media_type": media.mime, "data": media.data}
    return {"type": "image" if kind == "image" else "document", "source": source}


def _outcome(request: ModelRequest, outcome: ToolOutcome) -> Json:
    content: list[Json] = [{"type": "text", "text": outcome.output}] if outcome.output.strip() else []
    content.extend(_media(request, media) for media in outcome.media)
    block: Json = {"type": "tool_result", "tool_use_id": _own_id(outcome.id), "content": content}
    if outcome.is_error:
        block["is_error"] = True
    return block


def _own_id(call_id: str) -> str:
    """Ids that another vendor's model made may hold characters which are refused here."""
    return _FOREIGN_ID.sub("_", call_id)
