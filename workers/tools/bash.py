"""The tool that runs shell commands."""

from pathlib import Path
from typing import Annotated, Any

import trio
from msgspec import Meta

from oad.contract.ids import new_id
from oad.contract.limit_text import describe
from oad.contract.limits import LimitHit
from oad.contract.policy import Profile

from ..config.shell_choice import DEFAULT as DEFAULT_SHELL
from ..config.shell_split import external_directories, split
from ..egress import OPEN, Egress
from ..exec import Command, ExecFailed, Outcome
from ..sandbox.explain import sandbox_notes
from . import paths
from .environment import command_environment
from .leave_sandbox import ask_to_leave
from .network_note import network_notes
from .output_capture import Captured, OutputCapture
from .progress_feed import ProgressFeed
from .shortening import limits
from .tool import ToolArgs, ToolContext, ToolFailed, ToolResult

DEFAULT_TIMEOUT_MS = 120_000
SHOWN_CHARACTERS = 30_000  # of the output, in metadata


class BashArgs(ToolArgs):
    command: Annotated[str, Meta(description="The shell command to run")]
    timeout: Annotated[int, Meta(gt=0, description="Milliseconds after which the command is stopped")] | None = None
    workdir: Annotated[str, Meta(description="Directory to run in, instead of changing to it with 'cd'")] | None = None
    escalate: (
        Annotated[bool, Meta(description="Run this one command outside of the sandbox; a person is asked")] | None
    ) = None
    justification: Annotated[str, Meta(description="With escalate: why it can't be done inside")] | None = None


class BashTool:
    name = "bash"
    args = BashArgs
    description = f"""\
Runs a command with {DEFAULT_SHELL} on Linux and returns what it writes to stdout and stderr, in order.

- Each call is a shell of its own: directories and variables set in one call are unknown to the next. It starts in the \
session's directory; give `workdir` to start elsewhere.
- It is stopped after `timeout` milliseconds ({DEFAULT_TIMEOUT_MS} if not given). There is no terminal and no input, \
so pass flags that avoid questions.
- Of long output the end is returned and the whole is kept in a file whose path you are told; search or read that file \
rather than running the command again.
- Quote paths that hold spaces. Chain commands that depend on each other with `&&`; make separate calls, in one \
message, for those that do not.
- To read, search, write or change files use the tools made for it (read, grep, glob, write, edit), not cat or sed.
- Commit, push or rewrite git history only when the user asked for it."""

    async def run(self, args: BashArgs, context: ToolContext) -> ToolResult:
        workdir = paths.resolve(context, args.workdir) if args.workdir else context.directory
        profile = await _ask(args, workdir, context)
        if not await trio.Path(workdir).is_dir():
            raise ToolFailed(f"There is no directory {workdir} to run the command in.")
        call = _Call(args, workdir, context, profile)
        try:
            outcome = await call.execute()
        except ToolFailed:
            raise
        except BaseException:
            # Cancelled, perhaps in a group. What came so far is kept: the part ends as completed, with a note.
            context.settle(call.result(None, "User aborted the command"))
            await trio.lowlevel.checkpoint_if_cancelled()  # a plain Cancelled, which callers can tell from a failure
            raise
        await call.feed.flush()
        notes = (*_notes(outcome, call.timeout_ms), *call.network_notes(outcome))
        result = call.result(_exit_code(outcome), *notes, limit=outcome.limit)
        if outcome.job is not None:
            result.metadata["job"] = outcome.job
        return result


class _Call:
    def __init__(self, args: BashArgs, workdir: Path, context: ToolContext, profile: Profile | None) -> None:
        self.args = args
        self.context = context
        self.timeout_ms = args.timeout or context.services.get("bash_timeout_ms") or DEFAULT_TIMEOUT_MS
        lines, size = limits(context)
        self.capture = OutputCapture(context.scratch / "tool-output" / new_id("tool"), lines=lines, size=size)
        self.feed = ProgressFeed(self._show)
        self._command = Command(
            [context.services.get("shell") or DEFAULT_SHELL, "-c", args.command],
            str(workdir),
            command_environment(),
            shown=args.command,
            profile=profile,
            call_id=context.call_id,
        )

    async def execute(self) -> Outcome:
        """Raises ToolFailed when the shell cannot be started."""
        failure: ExecFailed | None = None
        outcome = Outcome(None)
        self.feed.touch()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.feed.pump)
            try:
                outcome = await self.context.exec.run(
                    self._command, on_stdout=self._take, timeout_s=self.timeout_ms / 1000
                )
            except ExecFailed as error:
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise ToolFailed(f"The command could not be started: {failure}")
        return outcome

    def result(self, exit_code: int | None, *notes: str, limit: LimitHit | None = None) -> ToolResult:
        shown = self.capture.recent(SHOWN_CHARACTERS)
        captured = self.capture.finish()
        if self._command.profile is None:
            notes = (*notes, *sandbox_notes(self.context.confinement, self.args.command, captured.text))
        metadata: dict[str, Any] = {
            "output": shown or "(no output)",
            "exit": exit_code,
            "truncated": captured.truncated,
        }
        if limit is not None:
            metadata["limit"] = limit
        if captured.file is not None:
            metadata["outputPath"] = str(captured.file)
        return ToolResult(title=self.args.command, output=_compose(captured, notes), metadata=metadata)

    def network_notes(self, outcome: Outcome) -> list[str]:
        egress: Egress = self.context.services.get("egress", OPEN)
        return network_notes(egress, outcome, self.capture.recent(SHOWN_CHARACTERS))

    async def _take(self, chunk: bytes) -> None:
        self.capture.feed(chunk)
        self.feed.touch()

    async def _show(self) -> None:
        await self.context.progress(None, {"output": self.capture.recent(SHOWN_CHARACTERS)})


async def _ask(args: BashArgs, workdir: Path, context: ToolContext) -> Profile | None:
    """The profile that was granted, None for the session's."""
    command = args.command
    # Without a repository the worktree is named "/": then only the session's directory is inside.
    inside = context.directory if str(context.worktree) == "/" else context.worktree
    directories = external_directories(command, str(workdir), str(inside))
    if await paths.is_outside(context, workdir):
        directories = [str(workdir), *directories]
    directories = [each for each in dict.fromkeys(directories) if await paths.is_outside(context, Path(each))]
    if directories:
        patterns = [str(Path(each) / "*") for each in directories]
        metadata = {"command": command, "directories": directories, "patterns": patterns}
        await context.ask("external_directory", patterns, always=patterns, metadata=metadata)
    parts = split(command)
    if parts:
        texts = list(dict.fromkeys(part.text for part in parts))
        always = list(dict.fromkeys(part.always for part in parts))
        await context.ask("bash", texts, always=always, metadata={"command": command})
    if not args.escalate:
        return None
    always = list(dict.fromkeys(part.always for part in parts)) or [command]
    return await ask_to_leave(context, command, args.justification or "", always)


def _exit_code(outcome: Outcome) -> int | None:
    if outcome.timed_out or outcome.exit is None or outcome.limit is not None:
        return None
    return outcome.exit if outcome.exit >= 0 else 128 - outcome.exit  # as shells report a signal


def _notes(outcome: Outcome, timeout_ms: int) -> list[str]:
    notes: list[str] = []
    if outcome.limit is not None:
        notes.append(limit_note(outcome.limit))
    elif outcome.timed_out:
        notes.append(
            f"The command was stopped because it ran longer than {timeout_ms} ms. "
            "If it needs more time and does not wait for input, run it again with a larger timeout."
        )
    elif outcome.exit is None:
        notes.append("The command was killed before it ended")
    elif outcome.exit != 0:
        notes.append(f"Exit code {_exit_code(outcome)}")
    if outcome.job is not None:
        notes.append(
            f"What the command started in the background is still running, as job {outcome.job}. "
            f"Its newest output is kept in {outcome.job_output}. It ends with the session, or when it is killed."
        )
    elif outcome.left_running:
        notes.append("A process that the command started in the background is still running; its output is dropped")
    return notes


def limit_note(hit: LimitHit) -> str:
    return (
        f"The command was stopped: {describe(hit)}. This is a limit of the session, which running it again in the "
        "same way will reach again."
    )


def _compose(captured: Captured, notes: tuple[str, ...]) -> str:
    text = captured.text
    if captured.truncated:
        text = f"[Only the end of the output is shown. {_kept(captured)}]\n\n{text}"
    if not notes:
        return text or "(no output)"
    return f"{text}\n\n<shell_metadata>\n" + "\n".join(notes) + "\n</shell_metadata>"


def _kept(captured: Captured) -> str:
    if captured.file is None:
        return "The rest could not be kept."
    what = "The first part of it" if captured.file_is_cut else "Full output"
    return f"{what} saved to: {captured.file}"
