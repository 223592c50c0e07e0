"""Git's own answers, asked through the exec broker."""

import os
from typing import Final

from ..exec import Command, Exec, ExecFailed

_TIMEOUT_S: Final = 20.0
_KEPT: Final = ("PATH", "HOME", "XDG_CONFIG_HOME")
_QUIET: Final = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # a question must not take locks that the user's own git then waits for
}


async def ask_git(exec: Exec, directory: str, *arguments: str) -> str | None:
    """Standard output, stripped; None where git fails, is missing or takes too long.

    A repository is another's text: its configuration must not start programs, and whose it is does not matter."""
    settings = ["-c", "core.fsmonitor=false", "-c", "safe.directory=*"]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = Command(
        argv=["git", *settings, *arguments],
        cwd=directory,
        env={**environment, **_QUIET},
        merge_stderr=False,
        profile="read-only",
    )
    output: list[bytes] = []

    async def collect(chunk: bytes) -> None:
        output.append(chunk)

    try:
        outcome = await exec.run(command, on_stdout=collect, timeout_s=_TIMEOUT_S)
    except ExecFailed:
        return None
    return b"".join(output).decode("utf-8", errors="replace").strip() if outcome.exit == 0 else None
