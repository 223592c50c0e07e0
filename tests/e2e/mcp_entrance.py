"""An MCP server whose tool runs a command of the shell, as one more way in for the tests of the walls."""

import shutil
import sys
from pathlib import Path

from .server import Json, Server

ZOO = Path(__file__).parents[1] / "mcp_zoo" / "server.py"
# One that everybody may execute; the program goes along as text, for not everybody may read it.
_PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
_CUT = "\nexit "


def command_line(manner: str = "good", *mark: str) -> list[str]:
    return [_PYTHON, "-S", "-E", "-c", ZOO.read_text(), manner, *mark]


def configuration(manner: str = "good", *mark: str) -> Json:
    return {"type": "local", "command": command_line(manner, *mark), "timeout": 120_000}


async def add_server(server: Server, name: str = "zoo", manner: str = "good", *mark: str) -> Json:
    """Its status, once it is there. Its tool is ``<name>_run`` with the argument ``command``."""
    answer = await server.ask("POST", "/mcp", {"name": name, "config": configuration(manner, *mark)})
    return answer[name]


def read(said: str) -> tuple[str, int]:
    """What the command has printed, and its exit status, from what the tool says."""
    output, _, status = ("\n" + said).rpartition(_CUT)
    return output.removeprefix("\n"), int(status)
