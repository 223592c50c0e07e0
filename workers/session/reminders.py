"""What is added to the newest prompt on its way to the model, and stored nowhere: in which mode the agent works."""

from oad.contract.catalogue import Agent
from oad.contract.message import AssistantMessage, MessageWithParts, TextPart, UserMessage

from .texts import BUILD_MODE, PLAN_MODE


def remind(messages: list[MessageWithParts], agent: Agent) -> list[MessageWithParts]:
    """The same messages, the last user message with a note where one is due."""
    note = _note(messages, agent)
    if note is None:
        return messages
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message.info, UserMessage):
            part = TextPart(id="", session_id="", message_id=message.info.id, text=note, synthetic=True)
            noted = MessageWithParts(info=message.info, parts=[*message.parts, part])
            return [*messages[:index], noted, *messages[index + 1 :]]
    return messages


def _note(messages: list[MessageWithParts], agent: Agent) -> str | None:
    if agent.name == "plan":
        return PLAN_MODE
    planned = any(isinstance(m.info, AssistantMessage) and m.info.agent == "plan" for m in messages)
    return BUILD_MODE if planned and agent.name == "build" else None
