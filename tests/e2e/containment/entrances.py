"""The entrances through which a session, or somebody in its name, gets programs of its own choice run.

Each is one row: a way to have a command of the shell run, which returns what it has printed. A row that is added here
is tried with every escape (test_commands.py) and with every program that does not want to end (test_zoo.py).
"""

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from .. import language_entrance, mcp_entrance, pty_client
from ..server import until
from .cage import Cage, Call, said


class Entrance(NamedTuple):
    """``session``: what comes in here belongs to a session, and ends with its abort and with its end; else it belongs
    to the directory, and ends with the service. ``writes``: to the workspace."""

    run: Callable[[Cage, str], Awaitable[str]]
    session: bool = True
    writes: bool = True


async def by_bash_tool(cage: Cage, command: str) -> str:
    call = Call("bash", {"command": command, "description": "x", "timeout": 100_000})
    (state,) = await cage.call([call])
    return said(state)


async def by_shell_route(cage: Cage, command: str) -> str:
    session = await cage.session()
    answer = await cage.server.ask("POST", f"/session/{session}/shell", {"agent": "build", "command": command})
    return str(answer["parts"][0]["state"]["output"])


async def by_terminal(cage: Cage, command: str) -> str:
    """A terminal belongs to its directory, and has the profile that is the default."""
    _, printed = await pty_client.run(cage.server, command, timeout_s=100)
    return printed


async def by_git(cage: Cage, command: str) -> str:
    """Git asked about a repository whose configuration names a program, which is the user's own doing: what it prints
    is what git takes for the file's content."""
    place = cage.scene.workspace
    _set_trap(place, f"{command}; cat")
    cage.scene.give()
    try:
        diffs = await cage.server.ask("GET", "/vcs/diff?mode=git")
    finally:
        _git(place, "config", "--unset-all", "filter.trap.clean")
        cage.scene.give()
    (patch,) = [each["patch"] for each in diffs if each["file"] == "trap"]
    return "\n".join(line[1:] for line in str(patch).splitlines() if line.startswith("+"))


async def by_mcp_tool(cage: Cage, command: str) -> str:
    """A server of the directory, which its sessions share."""
    known = await cage.server.ask("GET", "/mcp")
    if known.get("entrance") != {"status": "connected"}:
        assert await mcp_entrance.add_server(cage.server, "entrance") == {"status": "connected"}
    (state,) = await cage.call([Call("entrance_run", {"command": command})])
    return mcp_entrance.read(said(state))[0]


async def by_formatter(cage: Cage, command: str) -> str:
    """One that the configuration names, of a file that the model writes."""
    place = cage.scene.workspace
    file = place / "file.formatted"
    language_entrance.lay_command(place, "file.formatted.command", command)
    cage.scene.give()
    await cage.call([Call("write", {"filePath": str(file), "content": "x\n"})])
    return file.read_text()


async def by_language_server(cage: Cage, command: str) -> str:
    """A server of the directory, which its sessions share."""
    place = cage.scene.workspace
    language_entrance.lay_command(place, "command.trap", command)
    cage.scene.give()
    await cage.call([Call("read", {"filePath": str(place / "command.trap")})])
    printed: list[str] = []

    async def has_ended() -> bool:
        printed[:] = [each["name"] for each in await cage.server.ask("GET", "/find/symbol?query=x")]
        return bool(printed)

    await until(has_ended, "the command has ended", timeout_s=100)
    return "\n".join(printed)


def _set_trap(place: Path, command: str) -> None:
    (place / ".gitattributes").write_text("trap filter=trap\n")
    (place / "trap").write_text("x\n")
    _git(place, "add", "--force", "trap")
    _git(place, "commit", "-q", "--allow-empty", "-m", "x", "--", "trap")
    _git(place, "config", "filter.trap.clean", command)
    (place / "trap").write_text("longer\n")


def _git(place: Path, *arguments: str) -> None:
    settings = ("-c", "safe.directory=*", "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *settings, "-C", str(place), *arguments], check=True)


ENTRANCES: dict[str, Entrance] = {
    "bash tool": Entrance(by_bash_tool),
    "shell route": Entrance(by_shell_route),
    "terminal": Entrance(by_terminal, session=False),
    "git on behalf": Entrance(by_git, session=False, writes=False),
    "MCP tool": Entrance(by_mcp_tool, session=False),
}
# Programs that do not end are ended here too soon to be looked at: a formatter has 15 s, a server is waited for 3 s.
PASSING: dict[str, Entrance] = {
    "formatter": Entrance(by_formatter),
    "language server": Entrance(by_language_server, session=False, writes=False),
}
