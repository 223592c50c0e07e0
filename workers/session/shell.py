"""A command that the user runs in the session: it is carried out at once and told to the model with the next prompt."""

from typing import Final

import msgspec
import trio

from oad.contract.errors import named
from oad.contract.ids import new_id, new_ulid, now_ms
from oad.contract.message import (
    AssistantMessage,
    CompletedTime,
    CreatedTime,
    ModelReference,
    RunningTime,
    TextPart,
    ToolCompleted,
    ToolPart,
    ToolRunning,
    UserMessage,
)
from oad.contract.prompt import ShellInput
from oad.contract.sandbox import Confinement
from oad.contract.worker import WorkerSpec

from ..audit import CURRENT_CALL, Audit, CurrentCall
from ..config.shell_choice import DEFAULT
from ..egress import OPEN, Egress
from ..exec import Command, ExecFailed
from ..restriction.decision import decide
from ..sandbox.explain import sandbox_notes
from ..tools.bash import limit_note
from ..tools.environment import command_environment
from ..tools.network_note import network_notes
from .input import session_model
from .texts import SHELL_RUN
from .turn import Turn

_SHOWN_CHARACTERS: Final = 30_000
_KEPT_CHARACTERS: Final = 200_000
_ABORTED: Final = "\n\n<metadata>\nUser aborted the command\n</metadata>"


async def run_shell(turn: Turn, input: ShellInput) -> None:
    """Leaves a user message and an answer with one call of bash. Raises UnknownName."""
    await turn.conversation.busy()
    turn.announced.set()
    user = await _store_user(turn, input)
    info = msgspec.structs.replace(turn.new_answer(user, user.agent), variant=None)
    await turn.conversation.put_message(info)
    run = _ShellRun(turn, info, input.command)
    await run.show()
    await run.execute()


async def _store_user(turn: Turn, input: ShellInput) -> UserMessage:
    agent = turn.agent(input.agent or turn.scene.default_agent())
    chosen: ModelReference = input.model or session_model(turn) or agent.model or turn.scene.default_model()
    user = UserMessage(
        id=input.message_id or new_id("msg"),
        session_id=turn.session.id,
        time=CreatedTime(created=turn.conversation.next_moment()),
        agent=agent.name,
        model=ModelReference(provider_id=chosen.provider_id, model_id=chosen.model_id),
    )
    await turn.conversation.put_message(user)
    part = TextPart(id=new_id("prt"), session_id=turn.session.id, message_id=user.id, text=SHELL_RUN, synthetic=True)
    await turn.conversation.put_part(part)
    return user


async def check_shell(spec: WorkerSpec, audit: Audit, command: str) -> None:
    """Raises ApiError 403 for what clients may not run."""
    decision = decide(command, spec.directory, spec.shell)
    verdict = "refused" if decision.rule else "allowed"
    await audit.before("shell.decision", decision=verdict, rule=decision.rule, command=command)
    if decision.rule:
        raise named(403, "ForbiddenError", message=decision.message)


def explained(confinement: Confinement, command: str, output: str) -> str:
    """What to add to the output when the sandbox hindered the command."""
    notes = sandbox_notes(confinement, command, output)
    return "\n\n<shell_metadata>\n" + "\n".join(notes) + "\n</shell_metadata>" if notes else ""


class _ShellRun:
    def __init__(self, turn: Turn, info: AssistantMessage, command: str) -> None:
        self._turn = turn
        self._info = info
        self._command = command
        self._output = ""
        self._state = ToolRunning(input={"command": command}, time=RunningTime(start=now_ms()))
        self._part = ToolPart(
            id=new_id("prt"),
            session_id=turn.session.id,
            message_id=info.id,
            call_id=new_ulid(),
            tool="bash",
            state=self._state,
        )

    async def show(self) -> None:
        await self._turn.conversation.put_part(self._part)

    async def execute(self) -> None:
        command = Command(
            argv=[self._turn.services.get("shell") or DEFAULT, "-c", self._command],
            cwd=self._turn.session.directory,
            env=command_environment(),
            shown=self._command,
            call_id=self._part.call_id,
        )
        CURRENT_CALL.set(CurrentCall("shell", self._part.call_id))
        try:
            agent = self._turn.agent(self._info.agent)
            outcome = await self._turn.exec_for(agent).run(command, on_stdout=self._take)
            egress: Egress = self._turn.services.get("egress", OPEN)
            notes = network_notes(egress, outcome, self._output)
            self._output += explained(self._turn.confinement(agent), self._command, self._output)
            self._output += "".join(f"\n{note}\n" for note in notes)
        except ExecFailed as failed:
            self._output += f"{failed}\n"
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            # Cancelled, perhaps inside a nursery of the exec client's own.
            verdict = self._turn.verdict
            self._output += _ABORTED if verdict is None else f"\n\n<metadata>\n{verdict.data['message']}\n</metadata>"
            self._info = msgspec.structs.replace(self._info, error=verdict)
            with trio.CancelScope(shield=True):
                await self._finish()
            self._turn.quiet = verdict is None
            raise
        else:
            if outcome.limit is not None:
                self._output += f"\n\n<metadata>\n{limit_note(outcome.limit)}\n</metadata>"
        await self._finish()

    async def _take(self, chunk: bytes) -> None:
        self._output = (self._output + chunk.decode(errors="replace"))[-_KEPT_CHARACTERS:]
        metadata = {"output": self._output[-_SHOWN_CHARACTERS:]}
        state = msgspec.structs.replace(self._state, metadata=metadata)
        await self._turn.conversation.show_part(msgspec.structs.replace(self._part, state=state))

    async def _finish(self) -> None:
        await self._turn.complete(self._info)
        state = ToolCompleted(
            input=self._state.input,
            output=self._output,
            title="",
            metadata={"output": self._output[-_SHOWN_CHARACTERS:]},
            time=CompletedTime(start=self._state.time.start, end=now_ms()),
        )
        await self._turn.conversation.put_part(msgspec.structs.replace(self._part, state=state))
