"""Files that come with a prompt: read on the way in, so that the model has their text as if it had read them itself."""

import base64
import mimetypes
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import trio

from oad.contract.errors import bad_request
from oad.contract.ids import new_id
from oad.contract.message import FilePart, Part, TextPart, ToolPart, ToolPending
from oad.contract.permission import PermissionRule
from oad.contract.prompt import FileInput

from ..tools.tool import ToolFailed
from .failure import unknown
from .history import data_of, is_textual
from .mcp import read_resource
from .permission import Gate
from .toolcalls import Calls, misfit
from .turn import Turn

_LARGEST_BYTES: Final = 20 * 1024 * 1024


class FileReader:
    """Expands the files of one message."""

    def __init__(self, turn: Turn, message_id: str, agent: str) -> None:
        self._turn = turn
        self._ids: dict[str, Any] = {"session_id": turn.session.id, "message_id": message_id}
        self._agent = agent

    async def expand(self, file: FileInput) -> list[Part]:
        """The file's part, after what was read of it. Raises ApiError for what is no URL."""
        if file.source is not None and file.source.get("type") == "resource":
            return await self._from_server(file, file.source)
        scheme = scheme_of(file.url)
        if scheme == "file":
            return await self._from_disk(file)
        if scheme == "data" and is_textual(file.mime):
            data = data_of(file.url)
            if data is None:
                raise bad_request(f"Not a valid data URL: {file.url[:200]}")
            called = self._note(called_read({"filePath": file.filename or ""}))
            return [called, self._note(data.decode(errors="replace")), self._part(file)]
        return [self._part(file)]

    async def _from_server(self, file: FileInput, source: dict[str, Any]) -> list[Part]:
        server, uri = str(source.get("clientName", "")), str(source.get("uri", file.url))
        try:
            texts = await read_resource(self._turn.link, server, uri)
        except ToolFailed as error:
            texts = [f"The resource {uri} of the MCP server {server} could not be read: {error}"]
        said = f"Resource {file.filename or uri} ({uri}) of the MCP server {server}:"
        return [self._note(said), *map(self._note, texts), self._part(file)]

    async def _from_disk(self, file: FileInput) -> list[Part]:
        input = read_input(file.url)
        called = self._note(called_read(input))
        path = input["filePath"]
        try:
            if is_textual(file.mime):
                text = await self._read(input)
                return [called, self._note(text), self._part(file)]
            return [called, self._part(file, url=await self._encode(Path(path), file.mime))]
        except (ToolFailed, OSError) as error:
            reason = str(error) if isinstance(error, ToolFailed) else reason_of(error, path)
            properties = {"sessionID": self._turn.session.id, "error": unknown(reason)}
            await self._turn.conversation.publish("session.error", properties)
            failed = f"Read tool failed to read {path} with the following error: {reason}"
            return [called, self._note(failed)]

    async def _read(self, input: dict[str, Any]) -> str:
        """What the read tool says about a file that the user named. Raises ToolFailed."""
        agent = self._turn.agent(self._agent)
        model = self._turn.scene.default_model()
        found, _ = self._turn.scene.find_model(model.provider_id, model.model_id)
        tool = self._turn.scene.tools(found, agent).get("read")
        problem = "The read tool is not available" if tool is None else misfit(tool, input)
        if tool is None or problem is not None:
            raise ToolFailed(problem or "")
        gate = Gate(
            self._turn.link, self._turn.session.id, [PermissionRule(permission="*", pattern="*", action="allow")]
        )
        part = ToolPart(id=new_id("prt"), call_id="", tool="read", state=ToolPending(input=input, raw=""), **self._ids)
        context = Calls(self._turn, self._agent, {}, gate).context(part)
        return (await tool.run(msgspec.convert(input, tool.args), context)).output

    async def _encode(self, path: Path, mime: str) -> str:
        size = (await trio.Path(path).stat()).st_size
        if size > _LARGEST_BYTES:
            raise ToolFailed(f"File too large: {path} ({size} bytes, at most {_LARGEST_BYTES})")
        data = await trio.Path(path).read_bytes()
        mime = mime or mimetypes.guess_type(path)[0] or "application/octet-stream"
        return f"data:{mime};base64,{base64.b64encode(data).decode()}"

    def _part(self, file: FileInput, *, url: str | None = None) -> FilePart:
        return FilePart(
            id=file.id or new_id("prt"),
            mime=file.mime,
            url=url or file.url,
            filename=file.filename,
            source=file.source,
            **self._ids,
        )

    def _note(self, text: str) -> TextPart:
        return TextPart(id=new_id("prt"), text=text, synthetic=True, **self._ids)


def scheme_of(url: str) -> str:
    """Raises ApiError for a text that is no URL."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if not scheme or "\0" in url:
        raise bad_request(f"Not a valid URL: {url[:200]}")
    return scheme


def read_input(url: str) -> dict[str, Any]:
    """The read tool's arguments for a file: URL, which may name lines: ``?start=2&end=5``."""
    split = urlsplit(url)
    path = unquote(split.path)
    if "\0" in path:
        raise bad_request(f"Not a valid URL: {url[:200]}")
    input: dict[str, Any] = {"filePath": path}
    query = parse_qs(split.query)
    start, end = (_number(query.get(name)) for name in ("start", "end"))
    if start is not None:
        input["offset"] = max(start, 1)
        if end is not None and end >= start:
            input["limit"] = end - max(start, 1) + 1
    return input


def _number(values: list[str] | None) -> int | None:
    return int(values[0]) if values and values[0].isascii() and values[0].isdigit() else None


def called_read(input: dict[str, Any]) -> str:
    return f"Called the Read tool with the following input: {msgspec.json.encode(input).decode()}"


def reason_of(error: OSError, path: str) -> str:
    return f"File not found: {path}" if isinstance(error, FileNotFoundError) else f"{error.strerror}: {path}"
