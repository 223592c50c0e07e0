"""Takes a prompt in: from what a client sent to a stored user message."""

from typing import Any

import msgspec

from oad.contract.catalogue import Agent
from oad.contract.errors import bad_request
from oad.contract.ids import has_prefix, new_id
from oad.contract.message import (
    AgentPart,
    CreatedTime,
    MessageWithParts,
    ModelReference,
    OutputJsonSchema,
    Part,
    SubtaskPart,
    TextPart,
    UserMessage,
)
from oad.contract.permission import PermissionRule
from oad.contract.prompt import AgentInput, FileInput, PartInput, PromptInput, SubtaskInput, TextInput
from oad.contract.session import SessionModel

from .files import FileReader
from .images import fit_prompt
from .surroundings import UnknownName
from .texts import call_task_tool
from .turn import Turn


async def accept(turn: Turn, input: PromptInput) -> MessageWithParts:
    """Stores the prompt; returns what was stored, without the parts that a message of the same id had before.

    Raises UnknownName, and ApiError for what cannot be a prompt.
    """
    check_ids(input)
    agent = turn.agent(input.agent or turn.scene.default_agent())
    user = UserMessage(
        id=input.message_id or new_id("msg"),
        session_id=turn.session.id,
        time=CreatedTime(created=turn.conversation.next_moment()),
        agent=agent.name,
        model=choose_model(turn, agent, input),
        format=filled(input.format),
        system=input.system,
        tools=input.tools,
    )
    parts = await _parts(turn, user, input.parts)
    await _remember_choice(turn, user)
    await turn.conversation.put_message(user)
    for part in parts:
        await turn.conversation.put_part(part)
    # The last word of an accepted prompt: with it all of the prompt is on disk, before anything is done because of it.
    await turn.conversation.patch(_permissions(turn, input.tools), accepted=True)
    return MessageWithParts(info=user, parts=parts)


def check_ids(input: PromptInput) -> None:
    """Raises ApiError: a client's own ids must be of the kind, nothing else is asked of them."""
    if input.message_id is not None and not has_prefix(input.message_id, "msg"):
        raise bad_request('Expected a string starting with "msg"\n  at ["messageID"]')
    for index, part in enumerate(input.parts):
        if part.id is not None and not has_prefix(part.id, "prt"):
            raise bad_request(f'Expected a string starting with "prt"\n  at ["parts"][{index}]["id"]')


def choose_model(turn: Turn, agent: Agent, input: PromptInput) -> ModelReference:
    """The prompt's own choice, else the session's last model, the agent's, the configured one."""
    chosen = input.model or session_model(turn) or agent.model or turn.scene.default_model()
    variant = input.variant or (agent.variant if chosen is agent.model else None)
    return ModelReference(provider_id=chosen.provider_id, model_id=chosen.model_id, variant=variant)


def session_model(turn: Turn) -> ModelReference | None:
    model = turn.session.model
    if model is None:
        return None
    return ModelReference(provider_id=model.provider_id, model_id=model.id)


def filled(format: Any) -> Any:
    """A schema's default number of retries is stored with it, as clients of the reference see it."""
    if isinstance(format, OutputJsonSchema) and format.retry_count is None:
        return msgspec.structs.replace(format, retry_count=2)
    return format


async def _remember_choice(turn: Turn, user: UserMessage) -> None:
    """The session shows agent and model of its newest prompt. A model that does not exist must not stick."""
    try:
        turn.model_for(user)
    except UnknownName:
        return
    model = SessionModel(
        id=user.model.model_id, provider_id=user.model.provider_id, variant=user.model.variant or "default"
    )
    if (turn.session.agent, turn.session.model) != (user.agent, model):
        await turn.conversation.patch({"agent": user.agent, "model": model})


def _permissions(turn: Turn, tools: dict[str, bool] | None) -> dict[str, Any]:
    if not tools:
        return {}
    added = [
        PermissionRule(permission=name, pattern="*", action="allow" if allowed else "deny")
        for name, allowed in tools.items()
    ]
    return {"permission": [*(turn.session.permission or []), *added]}


async def _parts(turn: Turn, user: UserMessage, inputs: list[PartInput]) -> list[Part]:
    reader = FileReader(turn, user.id, user.agent)
    parts: list[Part] = []
    for input in inputs:
        if isinstance(input, FileInput):
            parts += await reader.expand(input)
        else:
            parts += plain_parts(input, user)
    return await fit_prompt(turn.services, parts)


def plain_parts(input: TextInput | AgentInput | SubtaskInput, user: UserMessage) -> list[Part]:
    ids = {"id": input.id or new_id("prt"), "session_id": user.session_id, "message_id": user.id}
    match input:
        case TextInput():
            part = TextPart(
                **ids,
                text=input.text,
                synthetic=input.synthetic,
                ignored=input.ignored,
                time=input.time,
                metadata=input.metadata,
            )
            return [part]
        case AgentInput():
            hint = call_task_tool(input.name)
            note = TextPart(id=new_id("prt"), session_id=user.session_id, message_id=user.id, text=hint, synthetic=True)
            return [AgentPart(**ids, name=input.name, source=input.source), note]
        case SubtaskInput():
            subtask = SubtaskPart(
                **ids,
                prompt=input.prompt,
                description=input.description,
                agent=input.agent,
                model=input.model,
                command=input.command,
            )
            return [subtask]
