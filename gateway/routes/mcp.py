"""MCP servers of a directory: their state, adding and connecting them, authorizing remote ones, their resources."""

from typing import Any

from oad.contract.mcp import McpAdd, McpAuthRemoved, McpAuthStart, McpCode, McpResource, McpStatus

from ..operation import DELETE, GET, POST, Method, Operation, op

_ONE = "/mcp/{name}"


def _of_one(name: str, method: Method, path: str, returns: Any, summary: str, *, body: Any = None) -> Operation:
    """What a server takes for its start is its own business; it is bounded by its own time-out."""
    return op(
        name,
        method,
        _ONE + path,
        body=body,
        returns=returns,
        errors=(400, 404),
        target="project",
        deadline_s=0,
        summary=summary,
    )


OPERATIONS: tuple[Operation, ...] = (
    op("mcp.status", GET, "/mcp", returns=dict[str, McpStatus], target="project", summary="Get MCP status"),
    op(
        "mcp.add",
        POST,
        "/mcp",
        body=McpAdd,
        returns=dict[str, McpStatus],
        errors=(400, 403),
        target="project",
        deadline_s=0,
        summary="Add MCP server",
    ),
    _of_one("mcp.connect", POST, "/connect", bool, "Connect an MCP server"),
    _of_one("mcp.disconnect", POST, "/disconnect", bool, "Disconnect an MCP server"),
    _of_one("mcp.auth.start", POST, "/auth", McpAuthStart, "Start MCP OAuth"),
    _of_one("mcp.auth.callback", POST, "/auth/callback", McpStatus, "Complete MCP OAuth", body=McpCode),
    _of_one("mcp.auth.authenticate", POST, "/auth/authenticate", McpStatus, "Authenticate MCP OAuth"),
    _of_one("mcp.auth.remove", DELETE, "/auth", McpAuthRemoved, "Remove MCP OAuth"),
    op(
        "experimental.resource.list",
        GET,
        "/experimental/resource",
        returns=dict[str, McpResource],
        target="project",
        summary="Get MCP resources",
    ),
)
