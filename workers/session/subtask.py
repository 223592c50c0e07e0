"""A subagent that a prompt or a command orders directly, without a model calling the task tool."""

import msgspec

from oad.contract.ids import new_id, new_ulid, now_ms
from oad.contract.message import (
    CreatedTime,
    RunningTime,
    SubtaskPart,
    TextPart,
    ToolPart,
    ToolRunning,
    UserMessage,
)
from oad.contract.permission import PermissionRule

from .permission import Gate
from .texts import AFTER_SUBTASK
from .toolcalls import Calls
from .turn import Turn


async def run_subtask(turn: Turn, user: UserMessage, subtask: SubtaskPart) -> None:
    """Leaves a message with one finished call of the task tool; the next step reads its result."""
    conversation = turn.conversation
    agent = turn.agent(subtask.agent)
    model, _ = turn.model_for(user)
    info = turn.new_answer(user, subtask.agent)
    await conversation.put_message(info)
    part = _running(turn, info.id, subtask)
    turn.services["model"] = subtask.model or user.model
    await conversation.put_part(part)
    tools = {name: tool for name, tool in turn.scene.tools(model, agent).items() if name == "task"}
    # The person who ordered it need not be asked: no rules, nothing to refuse.
    calls = Calls(
        turn,
        user.agent,
        tools,
        Gate(turn.link, turn.session.id, [PermissionRule(permission="*", pattern="*", action="allow")]),
    )
    state = await calls.outcome(part)
    await turn.complete(msgspec.structs.replace(info, finish="tool-calls"))
    await conversation.put_part(msgspec.structs.replace(part, state=state))
    if subtask.command is not None:
        await _ask_for_summary(turn, user)


def _running(turn: Turn, message_id: str, subtask: SubtaskPart) -> ToolPart:
    input = {"prompt": subtask.prompt, "description": subtask.description, "subagent_type": subtask.agent}
    if subtask.command is not None:
        input["command"] = subtask.command
    return ToolPart(
        id=new_id("prt"),
        session_id=turn.session.id,
        message_id=message_id,
        call_id=new_ulid(),
        tool="task",
        state=ToolRunning(input=input, time=RunningTime(start=now_ms())),
    )


async def _ask_for_summary(turn: Turn, user: UserMessage) -> None:
    message = UserMessage(
        id=new_id("msg"),
        session_id=turn.session.id,
        time=CreatedTime(created=turn.conversation.next_moment()),
        agent=user.agent,
        model=user.model,
    )
    await turn.conversation.put_message(message)
    part = TextPart(
        id=new_id("prt"), session_id=turn.session.id, message_id=message.id, text=AFTER_SUBTASK, synthetic=True
    )
    await turn.conversation.put_part(part)
