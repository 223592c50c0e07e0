"""Tools of MCP servers: what is asked, what is sent, and what becomes of the answer."""

from typing import Any

import msgspec
import pytest

from oad.contract.errors import named
from oad.contract.mcp import OfferedTool
from oad.workers.tools.mcp_tool import McpTool
from oad.workers.tools.tool import RawArguments, ToolFailed, ToolResult, take_arguments

from .conftest import Recorder

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"$schema": "x", "type": "object", "properties": {"a": {"type": "number"}}}
TOOL = McpTool(OfferedTool(name="my_zoo_add", server="my zoo", tool="add", description="adds", schema=SCHEMA))


async def run(recorder: Recorder, answered: Any) -> ToolResult:
    def answer(body: bytes) -> bytes:
        if isinstance(answered, Exception):
            raise answered
        return msgspec.json.encode(answered)

    recorder.answers["mcp.call"] = answer
    return await TOOL.run(RawArguments({"a": 1}), recorder.context())


def said(*texts: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text} for text in texts], **more}


async def test_a_call(recorder: Recorder) -> None:
    result = await run(recorder, said("one", "two"))
    assert (result.title, result.output, result.metadata) == ("", "one\n\ntwo", {"truncated": False})
    assert recorder.asked == [("my_zoo_add", ["*"], ["*"], {})]
    ((op, _, body),) = recorder.calls
    assert (op, msgspec.json.decode(body)) == ("mcp.call", {"server": "my zoo", "tool": "add", "arguments": {"a": 1}})


async def test_a_refusal_keeps_it_from_being_called(recorder: Recorder) -> None:
    def refuse(permission: str) -> None:
        raise ToolFailed("no")

    recorder.on_ask = refuse
    with pytest.raises(ToolFailed):
        await run(recorder, said("x"))
    assert recorder.calls == []


async def test_failures(recorder: Recorder) -> None:
    with pytest.raises(ToolFailed, match="it failed"):
        await run(recorder, said("it failed", isError=True))
    with pytest.raises(ToolFailed, match="does not say why"):
        await run(recorder, {"content": [], "isError": True})
    with pytest.raises(ToolFailed, match="The MCP server x is not connected"):
        await run(recorder, named(502, "McpError", message="The MCP server x is not connected"))


async def test_long_output_is_kept_in_a_file(recorder: Recorder) -> None:
    result = await run(recorder, said("line\n" * 5000))
    assert result.metadata["truncated"] is True
    assert len(result.output.splitlines()) < 2100
    assert recorder.root.joinpath(result.metadata["outputPath"]).read_text() == "line\n" * 5000


async def test_pictures_and_files(recorder: Recorder) -> None:
    contents = [
        {"type": "text", "text": "look"},
        {"type": "image", "data": PIXEL, "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "mem://a/b.txt", "mimeType": "text/plain", "text": "the text"}},
        {"type": "resource", "resource": {"uri": "mem://a/b.bin", "blob": PIXEL}},
        {"type": "resource_link", "uri": "mem://c", "name": "c"},
        {"type": "image", "data": "no base64!", "mimeType": "image/png"},
    ]
    result = await run(recorder, {"content": contents})
    assert result.output == "look\n\nthe text\n\nc: mem://c"
    assert result.attachments is not None
    assert [(part.mime, part.filename) for part in result.attachments] == [
        ("image/png", "image.png"),
        ("application/octet-stream", "b.bin"),
    ]
    assert result.attachments[0].url == f"data:image/png;base64,{PIXEL}"


async def test_an_answer_that_is_only_structure(recorder: Recorder) -> None:
    assert (await run(recorder, {"content": [], "structuredContent": {"sum": 3}})).output == '{"sum":3}'


def test_its_arguments_are_taken_as_they_are() -> None:
    assert take_arguments(TOOL, {"anything": [1]}) == RawArguments({"anything": [1]})
    assert TOOL.schema == {"type": "object", "properties": {"a": {"type": "number"}}}
