"""A tool of one of the project's MCP servers, which the project's worker calls for this session."""

import base64
import binascii
from typing import Any, Final

import msgspec
import trio

from oad.contract.errors import ApiError
from oad.contract.mcp import OfferedTool, ToolCall
from oad.contract.message import FilePart

from .attachment import MAX_ATTACHED_BYTES, attach
from .shortening import shorten
from .tool import RawArguments, ToolContext, ToolFailed, ToolResult

_SUFFIXES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class Content(msgspec.Struct, rename="camel"):
    """A piece of an answer, of any kind."""

    type: str = ""
    text: str = ""
    data: str = ""
    mime_type: str = "application/octet-stream"
    uri: str = ""
    name: str = ""
    resource: "Content | None" = None
    blob: str = ""


class Answered(msgspec.Struct, rename="camel"):
    content: list[Content] = []
    is_error: bool = False
    structured_content: Any = None


class McpTool:
    args = RawArguments

    def __init__(self, offered: OfferedTool) -> None:
        self.name = offered.name
        self.description = offered.description
        self.schema = {key: value for key, value in offered.schema.items() if key != "$schema"}
        self._offered = offered

    async def run(self, args: RawArguments, context: ToolContext) -> ToolResult:
        await context.ask(self.name, ["*"], always=["*"], metadata={})
        offered = self._offered
        await context.audit.before("mcp.call", server=offered.server, mcp_tool=offered.tool, call=context.call_id)
        call = ToolCall(server=offered.server, tool=offered.tool, arguments=args.values)
        answered = msgspec.json.decode(await _ask(context, call), type=Answered)
        text = text_of(answered)
        if answered.is_error:
            raise ToolFailed((await shorten(context, text)).text or "The tool failed and does not say why")
        attachments = [part for content in answered.content if (part := _attached(context, content)) is not None]
        shown = await shorten(context, text)
        metadata: dict[str, Any] = {"truncated": shown.truncated}
        if shown.file is not None:
            metadata["outputPath"] = str(shown.file)
        return ToolResult("", shown.text, metadata, attachments or None)


async def _ask(context: ToolContext, call: ToolCall) -> bytes:
    try:
        return await context.call("mcp.call", {}, msgspec.json.encode(call))
    except ApiError as error:
        data: dict[str, Any] = error.body.get("data", {})
        raise ToolFailed(str(data.get("message", error.body))) from error
    except trio.TooSlowError as error:
        raise ToolFailed(f"{call.tool}: no answer in time") from error


def text_of(answered: Answered) -> str:
    """What of it is text; of an answer that has no contents its structure."""
    texts = [text for content in answered.content if (text := _text(content))]
    if not answered.content and answered.structured_content is not None:
        return msgspec.json.encode(answered.structured_content).decode()
    return "\n\n".join(texts)


def _text(content: Content) -> str:
    match content.type:
        case "resource" if content.resource is not None:
            return content.resource.text
        case "resource_link":
            return f"{content.name}: {content.uri}"
        case _:
            return content.text


def _attached(context: ToolContext, content: Content) -> FilePart | None:
    source, encoded = content, content.data
    if content.type == "resource" and content.resource is not None:
        source, encoded = content.resource, content.resource.blob
    if not encoded:
        return None
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) > MAX_ATTACHED_BYTES:
        return None
    name = source.uri.rsplit("/", 1)[-1] or f"{content.type}.{_SUFFIXES.get(source.mime_type, 'bin')}"
    return attach(context, source.mime_type, data, name)
