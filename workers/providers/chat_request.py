"""The body of a chat completions call."""

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from oad.contract.catalogue import Interleaved

from .media import accepts, as_text, data_url, media_kind
from .model import ChatMessage, Content, MediaContent, ModelRequest, ReasoningContent, TextContent, ToolOutcome, ToolUse
from .option_names import openai_options

Json = dict[str, Any]

# These count hidden reasoning against the limit and refuse the older name of it.
_COMPLETION_TOKENS = re.compile(r"^(o\d|gpt-([5-9]|\d\d))")
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3"}


def chat_body(request: ModelRequest) -> Json:
    body: Json = {
        "model": request.model.api.id,
        "messages": chat_messages(request),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.max_output_tokens:
        body[_limit_name(request)] = request.max_output_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.tools:
        body["tools"] = [_function(tool.name, tool.description, tool.parameters) for tool in request.tools]
        body["tool_choice"] = request.tool_choice
    if request.session_id and (talks_to_openai(request) or request.endpoint.options.get("setCacheKey")):
        body["prompt_cache_key"] = request.session_id
    return body | openai_options(request.options)


def talks_to_openai(request: ModelRequest) -> bool:
    """Whether the vendor itself answers: other servers refuse some of its newer fields."""
    host = urlsplit(request.endpoint.base_url or "https://api.openai.com").hostname or ""
    return host.endswith((".openai.com", ".openai.azure.com"))


def _limit_name(request: ModelRequest) -> str:
    newer = talks_to_openai(request) and _COMPLETION_TOKENS.match(request.model.api.id)
    return "max_completion_tokens" if newer else "max_tokens"


def _function(name: str, description: str, parameters: Json) -> Json:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def chat_messages(request: ModelRequest) -> list[Json]:
    messages: list[Json] = [{"role": "system", "content": text} for text in request.system if text]
    for message in request.messages:
        if message.role == "user":
            messages.append({"role": "user", "content": _user_content(request, message.content)})
        elif message.role == "assistant":
            messages.extend(_assistant(request, message.content))
        else:
            messages.extend(_outcomes(request, message))
    return messages


def _user_content(request: ModelRequest, content: list[Content]) -> str | list[Json]:
    """A plain string where one suffices: many servers understand nothing else."""
    if len(content) == 1 and isinstance(only := content[0], TextContent):
        return only.text
    return [part for item in content if (part := _user_part(request, item))]


def _user_part(request: ModelRequest, item: Content) -> Json | None:
    if isinstance(item, TextContent):
        return {"type": "text", "text": item.text}
    return _media_part(request, item) if isinstance(item, MediaContent) else None


def _media_part(request: ModelRequest, media: MediaContent) -> Json:
    kind = media_kind(media.mime)
    if not accepts(request.model, media) or kind == "text":
        return {"type": "text", "text": as_text(media)}
    if kind == "pdf":
        return {"type": "file", "file": {"filename": media.filename or "file.pdf", "file_data": data_url(media)}}
    if kind == "audio":
        return {
            "type": "input_audio",
            "input_audio": {"data": media.data, "format": _AUDIO_FORMATS.get(media.mime, "wav")},
        }
    if kind == "video":
        return {"type": "video_url", "video_url": {"url": data_url(media)}}
    return {"type": "image_url", "image_url": {"url": data_url(media)}}


def _assistant(request: ModelRequest, content: list[Content]) -> list[Json]:
    text = "".join(item.text for item in content if isinstance(item, TextContent))
    calls = [_call(item) for item in content if isinstance(item, ToolUse)]
    reasoning = "".join(item.text for item in content if isinstance(item, ReasoningContent))
    field = request.model.capabilities.interleaved
    message: Json = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    if reasoning and isinstance(field, Interleaved):
        message[field.field] = reasoning
    # A message of reasoning alone, such as an aborted turn leaves behind, is refused by most servers.
    return [message] if text or calls else []


def _call(use: ToolUse) -> Json:
    arguments = msgspec.json.encode(use.input).decode()
    return {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": arguments}}


def _outcomes(request: ModelRequest, message: ChatMessage) -> list[Json]:
    """Tool messages hold text only, so media follow them in a user message."""
    outcomes = [item for item in message.content if isinstance(item, ToolOutcome)]
    messages: list[Json] = [{"role": "tool", "tool_call_id": item.id, "content": item.output} for item in outcomes]
    media = [part for item in outcomes for part in item.media]
    if media:
        intro: Json = {"type": "text", "text": "Attached by the tool:"}
        messages.append({"role": "user", "content": [intro, *(_media_part(request, part) for part in media)]})
    return messages
