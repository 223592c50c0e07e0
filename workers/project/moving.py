"""What is not committed in one worktree, taken to another one of its repository."""

from typing import Final

from oad.contract.errors import named

from ..exec import Exec
from ..link import Answer
from .changes import Changes
from .git import GitAnswer, run_git

_TIMEOUT_S: Final = 60.0


class Moving:
    """``directory`` of each operation is the top of a worktree. A patch is bytes: not all text is UTF-8."""

    def __init__(self, exec: Exec, temporary: str | None) -> None:
        self._exec = exec
        self._changes = Changes(exec, temporary)
        self._operations = {
            "changes.capture": self._capture,
            "changes.put": self._put,
            "changes.take": self._take,
        }

    def serves(self, op: str) -> bool:
        return op in self._operations

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Raises ApiError 400."""
        return Answer(await self._operations[op](params["directory"], body))

    async def _capture(self, directory: str, body: bytes) -> bytes:
        """All of it as one patch; empty where there is nothing."""
        return await self._changes.raw(directory)

    async def _put(self, directory: str, patch: bytes) -> bytes:
        """All of it or nothing."""
        _demand(await self._git(directory, patch, "apply", "--whitespace=nowarn", "-"))
        return b"true"

    async def _take(self, directory: str, patch: bytes) -> bytes:
        """Away from here, all of it or nothing; what was staged of it is so no longer."""
        _demand(await self._git(directory, patch, "apply", "--reverse", "--whitespace=nowarn", "-"))
        _demand(await self._git(directory, b"", "reset", "--quiet"))
        return b"true"

    async def _git(self, directory: str, patch: bytes, *arguments: str) -> GitAnswer:
        return await run_git(self._exec, directory, *arguments, stdin=patch, timeout_s=_TIMEOUT_S, profile="workspace")


def _demand(answer: GitAnswer) -> None:
    if answer.exit != 0:
        said = answer.stderr.strip() or "git did not say why"
        raise named(400, "VcsApplyError", message=said[:1000], reason="not-clean")
