"""Worktrees by git: made, filled, started, reset and forgotten. Who may have that done, and where, the daemon decides.

Git runs with the profile ``workspace`` of a worker that may write to little else than the worktree. Hooks of the
repository are not run: the user who asked for a worktree has not asked for them.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import trio

from oad.contract.errors import ApiError, named
from oad.contract.policy import ShellPolicy
from oad.contract.worktree import WorktreePlan, WorktreeState, WorktreeSurvey

from ..audit import Audit
from ..exec import Command, Exec, ExecFailed
from ..link import Answer
from ..restriction.decision import decide
from ..tools.environment import command_environment
from .git import GitAnswer, ask_git, run_git

_GIT_S: Final = 600.0  # a large repository on a slow disk
_FETCH_S: Final = 60.0
_START_S: Final = 1800.0
_KEPT_BYTES: Final = 4000  # of what a start command has written, for the error
_REMOTES: Final = ("origin", "upstream")
_LOCAL: Final = ("main", "master")

_Operation = Callable[[str, bytes], Awaitable[Any]]


class Worktrees:
    """``directory`` of each operation: the repository's main worktree, or the worktree itself."""

    def __init__(self, exec: Exec, shell: ShellPolicy, audit: Audit) -> None:
        self._exec = exec
        self._shell = shell
        self._audit = audit
        self._operations: dict[str, _Operation] = {
            "worktree.survey": self._survey,
            "worktree.add": self._add,
            "worktree.fill": self._fill,
            "worktree.start": self._start,
            "worktree.restore": self._restore,
            "worktree.inspect": self._inspect,
            "worktree.forget": self._forget,
        }

    def serves(self, op: str) -> bool:
        return op in self._operations

    async def handle(self, op: str, params: dict[str, str], body: bytes) -> Answer:
        """Raises ApiError."""
        result = await self._operations[op](params["directory"], body)
        return Answer(msgspec.json.encode(result))

    async def _survey(self, directory: str, body: bytes) -> WorktreeSurvey:
        """Raises ApiError 403 for a start command that is restricted."""
        wanted = msgspec.json.decode(body, type=WorktreeSurvey)
        for command in wanted.commands:
            await self._check(directory, command)
        listed = await ask_git(self._exec, directory, "for-each-ref", "--format=%(refname)", "refs/heads")
        branches = [line.removeprefix("refs/heads/") for line in (listed or "").splitlines()]
        return WorktreeSurvey(commands=wanted.commands, branches=branches)

    async def _check(self, directory: str, command: str) -> None:
        decision = decide(command, directory, self._shell)
        verdict = "refused" if decision.rule else "allowed"
        await self._audit.before("shell.decision", decision=verdict, rule=decision.rule, command=command)
        if decision.rule:
            raise named(403, "ForbiddenError", message=decision.message)

    async def _add(self, directory: str, body: bytes) -> bool:
        """Its branch starts where the repository is; there are no files yet, filling it takes time."""
        plan = msgspec.json.decode(body, type=WorktreePlan)
        arguments = ("worktree", "add", "--no-checkout", "-b", plan.branch, "--", plan.directory)
        _demand(await self._git(directory, *arguments), "WorktreeCreateFailedError", "git worktree add failed")
        await self._occupy_settings(plan.directory)
        return True

    async def _occupy_settings(self, directory: str) -> None:
        """Where each worktree may have settings of its own, an empty file takes their place: what exists is kept
        read-only for the sessions of the worktree, who could otherwise name programs there for git to run."""
        if await ask_git(self._exec, directory, "config", "--type=bool", "extensions.worktreeConfig") != "true":
            return
        place = await ask_git(self._exec, directory, "rev-parse", "--git-path", "config.worktree")
        if place:
            await trio.Path(directory, place).touch()

    async def _fill(self, directory: str, body: bytes) -> bool:
        _demand(await self._git(directory, "reset", "--hard"), "WorktreeCreateFailedError", "git can't check it out")
        return True

    async def _start(self, directory: str, body: bytes) -> bool:
        """Raises WorktreeStartCommandFailedError (400) with the end of what the command has written."""
        command = body.decode()
        await self._check(directory, command)
        tail = bytearray()

        async def hear(chunk: bytes) -> None:
            tail.extend(chunk)
            del tail[:-_KEPT_BYTES]

        line = Command(argv=["/bin/bash", "-c", command], cwd=directory, env=command_environment(), shown=command)
        try:
            outcome = await self._exec.run(line, on_stdout=hear, timeout_s=_START_S)
        except ExecFailed as error:
            raise _failed("WorktreeStartCommandFailedError", str(error)) from error
        if outcome.exit != 0:
            ended = f"exit code {outcome.exit}" if outcome.exit is not None else "it was stopped"
            said = tail.decode(errors="replace").strip()
            raise _failed("WorktreeStartCommandFailedError", f"{command[:200]}: {ended}\n{said}".strip())
        return True

    async def _restore(self, directory: str, body: bytes) -> bool:
        """As the default branch is: changes, untracked and ignored files are gone. Raises ApiError 400."""
        target = await self._default_branch(directory)
        _demand(await self._git(directory, "reset", "--hard", target), _RESET, "git reset failed")
        _demand(await self._git(directory, "clean", "-ffdx"), _RESET, "git clean failed")
        if await trio.Path(directory, ".gitmodules").is_file():
            update = ("submodule", "update", "--init", "--recursive", "--force")
            _demand(await self._git(directory, *update), _RESET, "the submodules can't be reset")
        return True

    async def _inspect(self, directory: str, body: bytes) -> WorktreeState:
        """What can't be told counts as lost."""
        changes = await ask_git(self._exec, directory, "status", "--porcelain", "--untracked-files=normal")
        branch = await ask_git(self._exec, directory, "symbolic-ref", "--quiet", "--short", "HEAD")
        others = (*([f"--exclude={branch}"] if branch else []), "--branches", "--remotes", "--tags")
        newer = await ask_git(self._exec, directory, "rev-list", "--max-count=1", "HEAD", "--not", *others)
        return WorktreeState(changed=changes != "", unmerged=newer != "")

    async def _default_branch(self, directory: str) -> str:
        """Of the remote, as new as it can be had, else the local one."""
        names = (await ask_git(self._exec, directory, "remote") or "").split()
        remotes = [name for name in _REMOTES if name in names] or (names if len(names) == 1 else [])
        for remote in remotes[:1]:
            head = await ask_git(self._exec, directory, "symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
            if head:
                branch = head.removeprefix(f"refs/remotes/{remote}/")
                # Without network, or without the key it takes, what was fetched last has to do.
                arguments = ("fetch", "--no-write-fetch-head", remote, branch)
                await run_git(
                    self._exec,
                    directory,
                    *arguments,
                    environ={"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"},
                    timeout_s=_FETCH_S,
                    profile="workspace",
                )
                return head
        for branch in _LOCAL:
            if await ask_git(self._exec, directory, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
                return f"refs/heads/{branch}"
        raise _failed(_RESET, "There is no default branch to reset to")

    async def _forget(self, directory: str, body: bytes) -> bool:
        """What the repository keeps of a worktree whose directory is gone, and its branch. Nothing is done about
        worktrees that merely seem to be gone: those of others are not visible here."""
        plan = msgspec.json.decode(body, type=WorktreePlan)
        listed = await run_git(self._exec, directory, "worktree", "list", "--porcelain", "-z")
        if f"worktree {plan.directory}".encode() in listed.stdout.split(b"\0"):
            removed = await self._git(directory, "worktree", "remove", "--force", "--force", "--", plan.directory)
            _demand(removed, "WorktreeRemoveFailedError", "git worktree remove failed")
        reference = f"refs/heads/{plan.branch}"
        if await ask_git(self._exec, directory, "rev-parse", "--verify", "--quiet", reference):
            deleted = await self._git(directory, "update-ref", "-d", reference)
            _demand(deleted, "WorktreeRemoveFailedError", "The branch can't be deleted")
        return True

    async def _git(self, directory: str, *arguments: str, timeout_s: float = _GIT_S) -> GitAnswer:
        return await run_git(self._exec, directory, *arguments, timeout_s=timeout_s, profile="workspace")


_RESET: Final = "WorktreeResetFailedError"


def _demand(answer: GitAnswer, error: str, what: str) -> None:
    if answer.exit != 0:
        said = answer.stderr.strip() or "it was stopped"
        raise _failed(error, f"{what}: {said[:1000]}")


def _failed(error: str, message: str) -> ApiError:
    return named(400, error, message=message)
