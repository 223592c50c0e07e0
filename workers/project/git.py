"""Git's own answers, asked through the exec broker."""

import os
from collections.abc import Mapping
from typing import Final

import msgspec
import trio

from oad.contract.policy import Profile

from ..exec import Command, Exec, ExecFailed

_TIMEOUT_S: Final = 20.0
_MAX_STDERR: Final = 8192
_KEPT: Final = ("PATH", "HOME", "XDG_CONFIG_HOME")
_QUIET: Final = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # a question must not take locks that the user's own git then waits for
    "GIT_NO_LAZY_FETCH": "1",  # what is missing in a partial clone is not fetched, by whatever program it names
    "GIT_ALLOW_PROTOCOL": "none",
}
# A repository is another's text: its configuration must not start programs, and whose it is does not matter. What git
# can't be told to leave out are the filters of files (``filter.*.clean``): they run, like git itself, in the sandbox.
_SETTINGS: Final = (
    *("-c", "safe.directory=*", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.sshCommand=ssh", "-c", "core.pager=cat"),
    *("-c", "core.editor=false", "-c", "credential.helper=", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)


class GitAnswer(msgspec.Struct, frozen=True):
    """``exit`` is None when git is missing, was killed or took too long. ``whole`` is False when there was more output
    than asked for: the rest is cut off and git was stopped."""

    exit: int | None
    stdout: bytes = b""
    stderr: str = ""
    whole: bool = True


class _Kept:
    """Output up to a limit; then ``full`` is called."""

    def __init__(self, limit: int, full: trio.CancelScope) -> None:
        self.data = bytearray()
        self.whole = True
        self._limit = limit
        self._full = full

    async def take(self, chunk: bytes) -> None:
        room = self._limit - len(self.data)
        self.data += chunk[:room]
        if len(chunk) > room:
            self.whole = False
            self._full.cancel()


async def run_git(
    exec: Exec,
    directory: str,
    *arguments: str,
    stdin: bytes = b"",
    environ: Mapping[str, str] | None = None,
    limit: int = 64 << 20,
    timeout_s: float = _TIMEOUT_S,
    profile: Profile = "read-only",
    reader: bool = False,
) -> GitAnswer:
    """Runs git in ``directory``. Never raises but for a cancellation. ``limit`` is in bytes. Questions are asked under
    the profile ``read-only``; ``reader`` is for those that make git run nothing else and write nothing, see Command."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = Command(
        argv=["git", *_SETTINGS, *arguments],
        cwd=directory,
        env={**kept, **_QUIET, **(environ or {})},
        stdin=stdin,
        merge_stderr=False,
        profile=profile,
        reader=reader,
    )
    said = bytearray()

    async def hear(chunk: bytes) -> None:
        said.extend(chunk[: _MAX_STDERR - len(said)])

    output = _Kept(limit, scope := trio.CancelScope())
    with scope:
        try:
            outcome = await exec.run(command, on_stdout=output.take, on_stderr=hear, timeout_s=timeout_s)
        except ExecFailed as error:
            return GitAnswer(None, stderr=str(error))
        if output.whole:
            return GitAnswer(outcome.exit, bytes(output.data), said.decode("utf-8", "replace"))
    return GitAnswer(None, bytes(output.data), whole=False)


async def ask_git(exec: Exec, directory: str, *arguments: str) -> str | None:
    """Standard output, stripped; None where git fails, is missing or takes too long."""
    answer = await run_git(exec, directory, *arguments)
    return answer.stdout.decode("utf-8", errors="replace").strip() if answer.exit == 0 else None
