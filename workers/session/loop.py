"""The outer loop of a turn: steps until the newest prompt is answered, compaction and subtasks on the way."""

from typing import Any

import msgspec
import trio

from oad.contract.message import (
    AssistantMessage,
    CompactionPart,
    MessageWithParts,
    NamedError,
    OutputJsonSchema,
    SubtaskPart,
    ToolCompleted,
    ToolPart,
    UserMessage,
)

from .compaction import Compaction, is_full, request_compaction
from .failure import FILTERED, describe
from .permission import Gate
from .prune import prune
from .request import offered_tools, step_request
from .sharing import share_if_wanted
from .step import Overflowed, Step
from .structured import StructuredOutput, missing_output
from .subtask import run_subtask
from .title import give_title
from .toolcalls import Calls
from .turn import Turn

MAX_OVERFLOWS = 3  # a provider that refuses even the summary would otherwise keep the turn going for ever


class Loop:
    """``background`` outlives the answer: titles are not waited for."""

    def __init__(self, turn: Turn, background: trio.Nursery) -> None:
        self._turn = turn
        self._conversation = turn.conversation
        self._background = background
        self._steps = 0
        self._subtasks_done: set[str] = set()

    async def run(self) -> None:
        """Returns when the session has nothing left to answer. Raises TurnFailed, UnknownName."""
        user: MessageWithParts | None = None
        while True:
            await self._conversation.busy()
            self._turn.announced.set()
            if self._conversation.owes:
                await self._report(user)
            user = self._conversation.last_user()
            if user is None or self._is_answered():
                await prune(self._turn)
                if await self._turn.seal_when_stored():
                    return
            elif not await self._advance(user):
                await self._report(user)
                self._turn.sealed = True
                return

    async def _advance(self, user: MessageWithParts) -> bool:
        """One unit of work; false when the turn is to end though the model might go on."""
        assert isinstance(user.info, UserMessage)
        subtask = self._next_subtask()
        if subtask is not None:
            self._subtasks_done.add(subtask.id)
            await run_subtask(self._turn, user.info, subtask)
            return True
        compaction = next((part for part in user.parts if isinstance(part, CompactionPart)), None)
        if compaction is not None:
            return await Compaction(self._turn, user.info, compaction).run()
        return await self._step(user.info)

    def _is_answered(self) -> bool:
        """Whether the newest message is an answer that needs no further call."""
        newest = self._conversation.messages[-1]
        return isinstance(newest.info, AssistantMessage) and newest.info.finish not in {None, "tool-calls"}

    def _next_subtask(self) -> SubtaskPart | None:
        for message in self._unanswered():
            for part in message.parts:
                if isinstance(part, SubtaskPart) and part.id not in self._subtasks_done:
                    return part
        return None

    def _unanswered(self) -> list[MessageWithParts]:
        """User messages after the last finished answer that was not made by a subtask."""
        found: list[MessageWithParts] = []
        for message in reversed(self._conversation.messages):
            if isinstance(message.info, AssistantMessage) and message.info.finish not in {None, "tool-calls"}:
                break
            if isinstance(message.info, UserMessage):
                found.append(message)
        return found[::-1]

    async def _step(self, user: UserMessage) -> bool:
        turn = self._turn
        self._steps += 1
        await turn.scene.renew(user.model.provider_id)
        found = turn.model_for(user)
        agent = turn.agent(user.agent)
        info = turn.new_answer(user, agent.name)
        await self._conversation.put_message(info)
        turn.bounds.on_step()  # once there is a message that can carry the reason
        if self._steps == 1:
            self._background.start_soon(give_title, turn, user)
            self._background.start_soon(share_if_wanted, turn)
            await self._report(self._conversation.find(user.id))
        turn.services["model"] = user.model
        tools = offered_tools(turn, agent, found[0], user)
        exhausted = agent.steps is not None and self._steps >= agent.steps
        request = step_request(turn, agent, found, user, tools, exhausted=exhausted)
        calls = Calls(turn, agent.name, tools, Gate(turn.link, turn.session.id, turn.rules(agent), turn.bounds.on_ask))
        step = Step(turn, info, request, turn.scene.client_for(found[1]), calls)
        try:
            info = await step.run()
        except Overflowed as overflowed:
            return await self._overflow(overflowed, step.info, user)
        return await self._judge(info, user, calls)

    async def _overflow(self, overflowed: Overflowed, info: AssistantMessage, user: UserMessage) -> bool:
        error = describe(overflowed.failure, info.provider_id)
        self._turn.overflows += 1
        await self._publish_error(error)
        if self._turn.overflows > MAX_OVERFLOWS or not self._turn.scene.compaction.auto:
            await self._turn.complete(msgspec.structs.replace(info, error=error))
            return False
        await self._turn.complete(info)
        await request_compaction(self._turn, user, auto=True, overflow=True)
        return True

    async def _judge(self, info: AssistantMessage, user: UserMessage, calls: Calls) -> bool:
        """Completes a step's message and decides how the turn goes on."""
        answer = structured_answer(self._conversation.find(info.id)) if wants_structure(user) else None
        if answer is not None:
            await self._complete_twice(msgspec.structs.replace(info, structured=answer))
            return False
        if info.finish == "content-filter":
            await self._complete_twice(msgspec.structs.replace(info, error=FILTERED))
            await self._publish_error(FILTERED)
            return False
        if wants_structure(user) and info.finish != "tool-calls":
            await self._complete_twice(msgspec.structs.replace(info, error=missing_output()))
            return False
        info = await self._turn.complete(info)
        if calls.ended:
            return False
        model, _ = self._turn.model_for(user)
        if is_full(info.tokens, model, self._turn.scene.compaction):
            await request_compaction(self._turn, user, auto=True, overflow=False)
        return True

    async def _complete_twice(self, info: AssistantMessage) -> None:
        """Clients of the reference see such a message twice, the second time as final."""
        await self._conversation.put_message(await self._turn.complete(info))

    async def _publish_error(self, error: NamedError) -> None:
        await self._conversation.publish("session.error", {"sessionID": self._turn.session.id, "error": error})

    async def _report(self, user: MessageWithParts | None) -> None:
        await self._turn.tell_changes(user)


def wants_structure(user: UserMessage) -> bool:
    return isinstance(user.format, OutputJsonSchema)


def structured_answer(message: MessageWithParts | None) -> dict[str, Any] | None:
    for part in message.parts if message else []:
        if isinstance(part, ToolPart) and part.tool == StructuredOutput.name and isinstance(part.state, ToolCompleted):
            return part.state.input
    return None
