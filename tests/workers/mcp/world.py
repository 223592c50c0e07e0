"""What surrounds a project's MCP servers in tests: programs as plain children, and a daemon that keeps notes."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from oad.contract.mcp import McpLocal
from oad.contract.policy import ShellPolicy
from oad.workers.egress import Egress
from oad.workers.mcp.server import World

from ..project.local_exec import LocalExec

ZOO = Path(__file__).parents[2] / "mcp_zoo" / "server.py"


class Notes:
    """Implements Link: events, calls, and the store of what servers have granted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.added = b"[]"
        self.stored: dict[str, dict[str, Any]] = {}

    async def publish(self, type: str, properties: Any, *, durable: bool = True) -> None:
        self.events.append((type, properties))

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        self.calls.append((op, params))
        match op:
            case "mcp.credential.get":
                return msgspec.json.encode(self.stored.get(params["key"], {}))
            case "mcp.credential.set":
                self.stored[params["key"]] = msgspec.json.decode(body)
            case "mcp.added.get":
                return self.added
            case "mcp.added.set":
                self.added = body
            case "mcp.credential.remove":
                self.stored.pop(params["key"], None)
            case _:
                pass
        return b"true"


def make_world(
    directory: Path, link: Notes | None = None, *, egress: Egress | None = None, shell: ShellPolicy | None = None
) -> World:
    return World(str(directory), LocalExec(), egress or Egress(), link or Notes(), shell or ShellPolicy())


def zoo(manner: str = "good", **config: Any) -> McpLocal:
    return McpLocal(command=[sys.executable, "-S", "-E", str(ZOO), manner], **config)
