"""Summaries that take the place of a conversation which has grown too long."""

from typing import Any, Final

import msgspec

from oad.contract.catalogue import Agent, Model
from oad.contract.ids import new_id, now_ms
from oad.contract.message import (
    AssistantMessage,
    CompactionPart,
    CreatedTime,
    MessageWithParts,
    ModelReference,
    PartTime,
    TextPart,
    ToolCompleted,
    ToolError,
    ToolPart,
    UserMessage,
)
from oad.contract.session import Tokens

from ..providers.model import ChatMessage, TextContent
from .failure import TurnFailed, describe
from .history import has_compaction, since_compaction
from .permission import Gate
from .request import aside_request, output_limit
from .step import Overflowed, Step
from .surroundings import CompactionSettings
from .tail import choose_tail
from .texts import COMPACTION, COMPACTION_FORM, CONTINUE, MEDIA_DROPPED
from .toolcalls import Calls
from .turn import Turn

_TOOL_CHARACTERS: Final = 2_000  # of a call's output, in the text that is summarised
_CHARACTERS_PER_TOKEN: Final = 3


def is_full(tokens: Tokens, model: Model, settings: CompactionSettings) -> bool:
    """Whether the next call would not fit into the model's context."""
    if not settings.auto or model.limit.context == 0:
        return False
    used = tokens.total or tokens.input + tokens.output + tokens.cache.read + tokens.cache.write
    return used >= usable_context(model, settings)


def usable_context(model: Model, settings: CompactionSettings) -> int:
    """In tokens. At least half of what the model takes: with less, as of a small model that tells no limit of its
    output, every step would find the context full, and summaries of summaries would never end."""
    if model.limit.input:
        whole = model.limit.input
        reserved = settings.reserved if settings.reserved is not None else min(20_000, output_limit(model))
    else:
        whole = model.limit.context
        reserved = settings.reserved or output_limit(model)
    return max(whole - reserved, whole // 2)


async def request_compaction(
    turn: Turn, user: UserMessage, *, auto: bool, overflow: bool | None = None, model: ModelReference | None = None
) -> None:
    """Puts the wish for a summary into the conversation, where the loop finds it."""
    message = UserMessage(
        id=new_id("msg"),
        session_id=turn.session.id,
        time=CreatedTime(created=turn.conversation.next_moment()),
        agent=user.agent,
        model=model or user.model,
    )
    await turn.conversation.put_message(message)
    part = CompactionPart(
        id=new_id("prt"), session_id=turn.session.id, message_id=message.id, auto=auto, overflow=overflow
    )
    await turn.conversation.put_part(part)


class Compaction:
    """Answers one such wish."""

    def __init__(self, turn: Turn, user: UserMessage, part: CompactionPart) -> None:
        self._turn = turn
        self._user = user
        self._part = part

    async def run(self) -> bool:
        """Whether the turn goes on; the summary is in the conversation. Raises TurnFailed."""
        before, replay = self._material()
        head = await self._set_tail_aside(before)
        info = await self._summarise(head)
        if self._part.auto:
            await self._go_on(replay)
        await self._turn.conversation.publish("session.compacted", {"sessionID": self._turn.session.id})
        return info.error is None

    def _material(self) -> tuple[list[MessageWithParts], MessageWithParts | None]:
        """What to summarise, and the prompt to put again afterwards because it never got an answer."""
        messages = self._turn.conversation.messages
        index = next(i for i, message in enumerate(messages) if message.info.id == self._user.id)
        before = since_compaction(messages[:index])
        if not self._part.overflow:
            return before, None
        for position in range(len(before) - 1, -1, -1):
            if is_prompt(before[position]):
                rest = before[:position]
                return (rest, before[position]) if any(is_prompt(message) for message in rest) else (before, None)
        return before, None

    async def _set_tail_aside(self, before: list[MessageWithParts]) -> list[MessageWithParts]:
        """What is to be summed up; the part says where that begins which is kept as it is."""
        settings = self._turn.scene.compaction
        model, _ = self._turn.model_for(self._user)
        start = choose_tail(before, model, settings, usable_context(model, settings))
        if start == len(before):
            return before
        self._part = msgspec.structs.replace(self._part, tail_start_id=before[start].info.id)
        await self._turn.conversation.put_part(self._part)
        return before[:start]

    async def _summarise(self, before: list[MessageWithParts]) -> AssistantMessage:
        turn = self._turn
        agent = turn.scene.agent("compaction") or _plain_agent()
        await turn.scene.renew(self._user.model.provider_id)
        found = turn.model_for(self._user)
        info = turn.new_answer(self._user, "compaction", summary=True)
        await turn.conversation.put_message(info)
        text = f"<conversation>\n{_tail(tell(before), found[0])}\n</conversation>\n\n{COMPACTION_FORM}"
        messages = [ChatMessage(role="user", content=[TextContent(text)])]
        request = aside_request(turn, agent, found, COMPACTION, messages)
        calls = Calls(turn, agent.name, {}, Gate(turn.link, turn.session.id, []))
        step = Step(turn, info, request, turn.scene.client_for(found[1]), calls)
        try:
            info = await step.run()
        except Overflowed as overflowed:
            raise TurnFailed(describe(overflowed.failure, info.provider_id)) from overflowed
        return await turn.complete(info)

    async def _go_on(self, replay: MessageWithParts | None) -> None:
        """The newest prompt once more, or a word to continue."""
        conversation = self._turn.conversation
        template = replay.info if replay is not None and isinstance(replay.info, UserMessage) else self._user
        time = CreatedTime(created=conversation.next_moment())
        message = msgspec.structs.replace(template, id=new_id("msg"), time=time, summary=None)
        await conversation.put_message(message)
        if replay is None:
            await conversation.put_part(self._continuation(message.id))
            return
        for part in replay.parts:
            await conversation.put_part(msgspec.structs.replace(part, id=new_id("prt"), message_id=message.id))

    def _continuation(self, message_id: str) -> TextPart:
        now = now_ms()
        return TextPart(
            id=new_id("prt"),
            session_id=self._turn.session.id,
            message_id=message_id,
            text=(MEDIA_DROPPED if self._part.overflow else "") + CONTINUE,
            synthetic=True,
            time=PartTime(start=now, end=now),
            metadata={"compaction_continue": True},
        )


def is_prompt(message: MessageWithParts) -> bool:
    return isinstance(message.info, UserMessage) and not has_compaction(message)


def tell(messages: list[MessageWithParts]) -> str:
    """A conversation as plain text."""
    return "\n\n".join(line for message in messages for line in _lines(message))


def _lines(message: MessageWithParts) -> list[str]:
    speaker = "User" if isinstance(message.info, UserMessage) else "Assistant"
    return [f"[{speaker}]: {text}" for part in message.parts if (text := _text_of(part))]


def _text_of(part: Any) -> str:
    match part:
        case TextPart() if not part.ignored:
            return part.text
        case ToolPart():
            input = msgspec.json.encode(part.state.input).decode()[:_TOOL_CHARACTERS]
            return f"(called {part.tool} with {input}) {_result_of(part)}"
        case _:
            return ""


def _result_of(part: ToolPart) -> str:
    match part.state:
        case ToolCompleted():
            return f"result: {part.state.output[:_TOOL_CHARACTERS]}"
        case ToolError():
            return f"error: {part.state.error[:_TOOL_CHARACTERS]}"
        case _:
            return "no result"


def _tail(text: str, model: Model) -> str:
    """The end of a text that is too long even for the summary's own call."""
    room = max((model.limit.context or 100_000) - 2 * output_limit(model), 4_000) * _CHARACTERS_PER_TOKEN
    return text if len(text) <= room else "(the beginning is left out)\n" + text[-room:]


def _plain_agent() -> Agent:
    return Agent(name="compaction", mode="primary", permission=[], options={})


def blank_user(turn: Turn, model: ModelReference) -> UserMessage:
    """Stands for the user of a session that has no messages."""
    return UserMessage(
        id=new_id("msg"),
        session_id=turn.session.id,
        time=CreatedTime(created=now_ms()),
        agent=turn.scene.default_agent(),
        model=model,
    )
