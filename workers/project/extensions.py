"""Configured programs that oad does not run yet, told truthfully."""

from typing import Any, Final

from ..config.settings import Config

_NO_MCP: Final = "This server does not run MCP servers yet"


def formatter_status(config: Config) -> list[dict[str, Any]]:
    """The configured formatters, all of them off."""
    if not isinstance(config.formatter, dict):
        return []
    return [
        {"name": name, "extensions": section.extensions or [], "enabled": False}
        for name, section in config.formatter.items()
        if not section.disabled
    ]


def mcp_status(config: Config) -> dict[str, dict[str, str]]:
    return {
        name: {"status": "disabled"} if server.enabled is False else {"status": "failed", "error": _NO_MCP}
        for name, server in config.mcp.items()
    }
