"""The MCP side of a project's worker."""

from typing import Any, Final

import trio

from oad.contract.worker import WorkerSpec

from ..config.project import load
from ..egress import Egress
from ..exec import Exec
from ..link import Answer, Link
from .added import Added
from .authorizing import Authorizing
from .operations import CALL_S, McpOperations
from .server import World
from .servers import Servers

_TIMEOUT: Final = "mcp_timeout"  # in milliseconds, under "experimental"


class ProjectMcp:
    """``run`` must be running before anything is asked; nothing is started before something is."""

    def __init__(self, spec: WorkerSpec, exec: Exec, link: Link) -> None:
        self._directory = spec.directory
        self._servers = Servers(
            World(spec.directory, exec, Egress.of(spec), link, spec.shell), lambda: load(spec.directory).config.mcp
        )
        authorizing, added = Authorizing(self._servers, link), Added(self._servers, link)
        self._operations = McpOperations(self._servers, authorizing, added, self._call_s)
        self.serves = self._operations.serves

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await self._servers.run(task_status)

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Raises ApiError."""
        return await self._operations.handle(op, params, body)

    async def extend(self, op: str, answer: Answer) -> Answer:
        return await self._operations.extend(op, answer)

    def _call_s(self) -> float:
        configured: Any = load(self._directory).config.experimental.get(_TIMEOUT)
        return configured / 1000 if isinstance(configured, int) and configured > 0 else CALL_S
