"""What servers and what they have are called outside."""

import re
from typing import Final

_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9_-]")


def safe(name: str) -> str:
    """As models' servers take it in names of tools."""
    return _UNSAFE.sub("_", name)


def tool_name(server: str, tool: str) -> str:
    return f"{safe(server)}_{safe(tool)}"


def command_name(server: str, prompt: str) -> str:
    return f"{safe(server)}:{safe(prompt)}"
