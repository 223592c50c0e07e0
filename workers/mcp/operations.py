"""What clients and sessions ask of a directory's MCP servers."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

import msgspec
import trio

from oad.contract.catalogue import Command, ToolDescription
from oad.contract.errors import ApiError, bad_request, named
from oad.contract.mcp import (
    McpAdd,
    McpResource,
    Offer,
    OfferedPrompt,
    OfferedTool,
    PromptCall,
    PromptText,
    ResourceCall,
    ToolCall,
)

from ..link import Answer
from .added import Added
from .authorizing import Authorizing
from .failure import CallFailed, Refused, ServerDown
from .names import command_name, safe, tool_name
from .server import Server
from .servers import Servers

READY_S: Final = 10.0  # that a call waits for a server which is being started again
CALL_S: Final = 60.0  # that a server may take for one, unless configured otherwise
MAX_RESULT_BYTES: Final = 32 * 1024 * 1024

Params = dict[str, str]
_Operation = Callable[[Params, bytes], Awaitable[Any]]
_Entry = dict[str, Any]


class McpOperations:
    """``extend`` adds to the answers of other operations what servers have. ``call_s``: the time of a call."""

    def __init__(self, servers: Servers, authorizing: Authorizing, added: Added, call_s: Callable[[], float]) -> None:
        self._servers = servers
        self._added = added
        self._authorizing = authorizing
        self._call_s = call_s
        self._operations: dict[str, _Operation] = {
            "mcp.status": self._status,
            "mcp.add": self._add,
            "mcp.connect": self._connect,
            "mcp.disconnect": self._disconnect,
            "mcp.auth.start": self._auth_start,
            "mcp.auth.callback": self._auth_callback,
            "mcp.auth.authenticate": self._authenticate,
            "mcp.auth.remove": self._auth_remove,
            "experimental.resource.list": self._resources,
            "mcp.offer": self._offer,
            "mcp.call": self._call,
            "mcp.prompt": self._prompt,
            "mcp.read": self._read,
        }
        self._extensions: dict[str, Callable[[], Awaitable[list[Any]]]] = {
            "tool.ids": self._tool_ids,
            "tool.list": self._tool_list,
            "command.list": self._commands,
        }

    def serves(self, op: str) -> bool:
        return op in self._operations

    async def handle(self, op: str, params: Params, body: bytes) -> Answer:
        """Raises ApiError."""
        await self._added.recall()
        try:
            answer = msgspec.json.encode(await self._operations[op](params, body))
        except (ServerDown, CallFailed) as error:
            raise named(502, "McpError", message=str(error)) from error
        if len(answer) > MAX_RESULT_BYTES:
            raise named(502, "McpError", message=f"The answer of the MCP server has {len(answer)} bytes: too many")
        return Answer(answer)

    async def extend(self, op: str, answer: Answer) -> Answer:
        if op not in self._extensions or answer.status != 200:
            return answer
        await self._added.recall()
        more = await self._extensions[op]()
        if not more:
            return answer
        return Answer(msgspec.json.encode([*msgspec.json.decode(answer.body, type=list[msgspec.Raw]), *more]))

    # --- servers --------------------------------------------------------------------------------------------------

    async def _status(self, params: Params, body: bytes) -> Any:
        await self._servers.connected()
        return self._servers.statuses()

    async def _add(self, params: Params, body: bytes) -> Any:
        wanted = _decode(body, McpAdd)
        try:
            server = self._servers.add(wanted.name, wanted.config)
        except Refused as error:
            raise named(403, "ForbiddenError", message=str(error)) from error
        await self._added.tell()
        await server.settled.wait()
        return self._servers.statuses()

    async def _connect(self, params: Params, body: bytes) -> bool:
        server = self._servers.find(params["name"])
        if server.connection is None:
            server.start(self._servers.nursery)
        await self._added.tell()
        await server.settled.wait()
        return True

    async def _disconnect(self, params: Params, body: bytes) -> bool:
        self._servers.find(params["name"]).stop()
        await self._added.tell()
        return True

    async def _auth_start(self, params: Params, body: bytes) -> Any:
        return await self._authorizing.start(self._servers.find(params["name"]))

    async def _auth_callback(self, params: Params, body: bytes) -> Any:
        code = _decode(body, _Code).code
        return await self._authorizing.finish(self._servers.find(params["name"]), code)

    async def _authenticate(self, params: Params, body: bytes) -> Any:
        return await self._authorizing.lead(self._servers.find(params["name"]))

    async def _auth_remove(self, params: Params, body: bytes) -> Any:
        await self._authorizing.remove(self._servers.find(params["name"]))
        return {"success": True}

    # --- what they have -------------------------------------------------------------------------------------------

    async def _resources(self, params: Params, body: bytes) -> dict[str, McpResource]:
        found: dict[str, McpResource] = {}
        for server, entry in await self._all("resources"):
            found[f"{safe(server.name)}:{entry['uri']}"] = McpResource(
                name=entry["name"],
                uri=entry["uri"],
                client=server.name,
                description=entry.get("description"),
                mime_type=entry.get("mimeType"),
            )
        return found

    async def _offer(self, params: Params, body: bytes) -> Offer:
        tools = [_offered(server, tool) for server, tool in await self._all("tools")]
        prompts = [_prompted(server, prompt) for server, prompt in await self._all("prompts")]
        return Offer(tools=tools, prompts=prompts)

    async def _tool_ids(self) -> list[str]:
        return [tool_name(server.name, tool["name"]) for server, tool in await self._all("tools")]

    async def _tool_list(self) -> list[ToolDescription]:
        offered = [_offered(server, tool) for server, tool in await self._all("tools")]
        return [ToolDescription(id=each.name, description=each.description, parameters=each.schema) for each in offered]

    async def _commands(self) -> list[Command]:
        found: dict[str, Command] = {}
        async with trio.open_nursery() as nursery:
            for server, prompt in await self._all("prompts"):
                nursery.start_soon(partial(_make_command, server, prompt, found))
        return [found[name] for name in sorted(found)]

    async def _all(self, kind: str) -> list[tuple[Server, _Entry]]:
        return [
            (server, entry)
            for server in await self._servers.connected()
            for entry in cast("list[_Entry]", getattr(server.connection, kind, []))
        ]

    # --- calls ----------------------------------------------------------------------------------------------------

    async def _call(self, params: Params, body: bytes) -> Any:
        call = _decode(body, ToolCall)
        server = self._find(call.server)
        connection = await server.ready(READY_S)
        return await connection.call(call.tool, call.arguments, self._time(server))

    async def _prompt(self, params: Params, body: bytes) -> PromptText:
        from .connection import text_of

        call = _decode(body, PromptCall)
        server = self._find(call.server)
        connection = await server.ready(READY_S)
        return PromptText(text=text_of(await connection.prompt(call.prompt, call.arguments, self._time(server))))

    async def _read(self, params: Params, body: bytes) -> Any:
        call = _decode(body, ResourceCall)
        server = self._find(call.server)
        connection = await server.ready(READY_S)
        return await connection.read(call.uri, self._time(server))

    def _find(self, name: str) -> Server:
        try:
            server = self._servers.find(name)
        except ApiError as error:
            raise ServerDown(f"There is no MCP server {name} any more") from error
        server.retry(self._servers.nursery)
        return server

    def _time(self, server: Server) -> float:
        return server.config.timeout / 1000 if server.config.timeout else self._call_s()


class _Code(msgspec.Struct):
    code: str


def _offered(server: Server, tool: _Entry) -> OfferedTool:
    schema: dict[str, Any] = {"type": "object", "properties": {}, **(tool.get("inputSchema") or {})}
    return OfferedTool(
        name=tool_name(server.name, tool["name"]),
        server=server.name,
        tool=tool["name"],
        description=tool.get("description") or tool.get("title") or "",
        schema=schema,
    )


def _prompted(server: Server, prompt: _Entry) -> OfferedPrompt:
    from .connection import argument_names

    return OfferedPrompt(
        name=command_name(server.name, prompt["name"]),
        server=server.name,
        prompt=prompt["name"],
        arguments=argument_names(prompt),
        description=prompt.get("description"),
    )


async def _make_command(server: Server, prompt: _Entry, found: dict[str, Command]) -> None:
    connection = server.connection
    if connection is None:
        return  # lost since it was listed
    offered = _prompted(server, prompt)
    found[offered.name] = Command(
        name=offered.name,
        description=offered.description,
        source="mcp",
        template=await connection.template(prompt),
        hints=[f"${number}" for number in range(1, len(offered.arguments) + 1)],
    )


def _decode(body: bytes, type: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(str(error)) from error
