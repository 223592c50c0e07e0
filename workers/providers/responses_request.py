"""The body of a call of OpenAI's responses protocol."""

from typing import Any

import msgspec

from .media import accepts, as_text, data_url, media_kind
from .model import Content, MediaContent, ModelRequest, ReasoningContent, TextContent, ToolOutcome, ToolUse
from .option_names import openai_options

Json = dict[str, Any]


def responses_body(request: ModelRequest) -> Json:
    body: Json = {
        "model": request.model.api.id,
        "input": input_items(request),
        "stream": True,
        "store": False,  # the conversation is kept here; nothing of it shall stay with the vendor
    }
    if request.system:
        body["instructions"] = "\n\n".join(request.system)
    if request.max_output_tokens:
        body["max_output_tokens"] = request.max_output_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.tools:
        body["tools"] = [_function(tool.name, tool.description, tool.parameters) for tool in request.tools]
        body["tool_choice"] = request.tool_choice
    if request.session_id:
        body["prompt_cache_key"] = request.session_id
    if request.model.capabilities.reasoning:
        body["include"] = ["reasoning.encrypted_content"]
    return body | _nested(openai_options(request.options))


def _nested(options: Json) -> Json:
    """Options that chat completions has at top level live in objects here."""
    reasoning: Json = dict(options.pop("reasoning", None) or {})
    text: Json = dict(options.pop("text", None) or {})
    for name, group, inner in (
        ("reasoning_effort", reasoning, "effort"),
        ("reasoning_summary", reasoning, "summary"),
        ("verbosity", text, "verbosity"),
    ):
        if name in options:
            group[inner] = options.pop(name)
    return options | ({"reasoning": reasoning} if reasoning else {}) | ({"text": text} if text else {})


def _function(name: str, description: str, parameters: Json) -> Json:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": parameters,
        "strict": False,  # strict schemas may have no optional property
    }


def input_items(request: ModelRequest) -> list[Json]:
    items: list[Json] = []
    for message in request.messages:
        if message.role == "user":
            content = [part for item in message.content if (part := _input_part(request, item))]
            items.append({"role": "user", "content": content})
        elif message.role == "assistant":
            items.extend(entry for item in message.content if (entry := _assistant_item(item)))
        else:
            items.extend(_outcome(request, item) for item in message.content if isinstance(item, ToolOutcome))
    return items


def _input_part(request: ModelRequest, item: Content) -> Json | None:
    if isinstance(item, TextContent):
        return {"type": "input_text", "text": item.text}
    return _media(request, item) if isinstance(item, MediaContent) else None


def _media(request: ModelRequest, media: MediaContent) -> Json:
    kind = media_kind(media.mime)
    if kind not in {"image", "pdf"} or not accepts(request.model, media):
        return {"type": "input_text", "text": as_text(media)}
    if kind == "image":
        return {"type": "input_image", "image_url": data_url(media)}
    return {"type": "input_file", "filename": media.filename or "file.pdf", "file_data": data_url(media)}


def _assistant_item(item: Content) -> Json | None:
    if isinstance(item, TextContent):
        return {"role": "assistant", "content": [{"type": "output_text", "text": item.text}]} if item.text else None
    if isinstance(item, ReasoningContent):
        return _reasoning(item)
    if isinstance(item, ToolUse):
        arguments = msgspec.json.encode(item.input).decode()
        return {"type": "function_call", "call_id": item.id, "name": item.name, "arguments": arguments}
    return None


def _reasoning(item: ReasoningContent) -> Json | None:
    """Only with its encrypted form: the vendor has not stored what an id alone would name."""
    metadata = item.metadata or {}
    if not metadata.get("encrypted_content"):
        return None
    summary = [{"type": "summary_text", "text": item.text}] if item.text else []
    return {"type": "reasoning", "summary": summary, "encrypted_content": metadata["encrypted_content"]}


def _outcome(request: ModelRequest, outcome: ToolOutcome) -> Json:
    output: str | list[Json] = outcome.output
    if outcome.media:
        media = (_media(request, item) for item in outcome.media)
        output = [{"type": "input_text", "text": outcome.output}, *media]
    return {"type": "function_call_output", "call_id": outcome.id, "output": output}
