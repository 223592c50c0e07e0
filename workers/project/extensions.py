"""Configured programs that oad does not run yet, told truthfully."""

from typing import Final

from ..config.settings import Config

_NO_MCP: Final = "This server does not run MCP servers yet"


def mcp_status(config: Config) -> dict[str, dict[str, str]]:
    return {
        name: {"status": "disabled"} if server.enabled is False else {"status": "failed", "error": _NO_MCP}
        for name, server in config.mcp.items()
    }
