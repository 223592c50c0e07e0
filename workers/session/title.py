"""Gives a session that still has its default title one that says what it is about."""

import re
from typing import Final

from oad.contract.catalogue import Agent, Model
from oad.contract.message import UserMessage

from ..providers.model import ChatMessage, Endpoint, ProviderEvent, TextContent, TextDelta
from .history import to_chat
from .request import aside_request, real_users
from .surroundings import UnknownName
from .texts import TITLE, TITLE_REQUEST
from .turn import Turn

_DEFAULT: Final = re.compile(r"(New session|Child session) - \d{4}-\d\d-\d\dT[\d:.]+Z")
_THINKING: Final = re.compile(r"<think>.*?</think>\s*", re.DOTALL)
_LONGEST: Final = 100


async def give_title(turn: Turn, user: UserMessage) -> None:
    """Publishes the title when the model has it. A failure is of no consequence: the default title stays."""
    if turn.session.parent_id or not is_default(turn.session.title):
        return
    users = real_users(turn.conversation.messages)
    if len(users) != 1:
        return
    try:
        title = await _ask(turn, user)
    except Exception:  # noqa: BLE001  a task boundary; the turn must not suffer from its title
        return
    if title and is_default(turn.session.title):
        await turn.conversation.patch({"title": title}, touch=True)


def is_default(title: str) -> bool:
    return _DEFAULT.fullmatch(title) is not None


async def _ask(turn: Turn, user: UserMessage) -> str:
    agent = turn.scene.agent("title") or Agent(name="title", mode="primary", permission=[], options={})
    found = _model(turn, agent, user)
    prompt = to_chat(real_users(turn.conversation.messages)[:1], found[0], media=False)
    messages = [ChatMessage(role="user", content=[TextContent(TITLE_REQUEST)]), *prompt]
    request = aside_request(turn, agent, found, TITLE, messages)
    pieces: list[str] = []

    async def collect(event: ProviderEvent) -> None:
        if isinstance(event, TextDelta):
            pieces.append(event.text)

    await turn.scene.client_for(found[1]).stream(request, collect)
    return tidy("".join(pieces))


def _model(turn: Turn, agent: Agent, user: UserMessage) -> tuple[Model, Endpoint]:
    reference = agent.model or turn.scene.small_model(user.model.provider_id)
    if reference is not None:
        try:
            return turn.scene.find_model(reference.provider_id, reference.model_id)
        except UnknownName:
            pass
    return turn.model_for(user)


def tidy(text: str) -> str:
    """The first line that is one, without a model's thinking, at most 100 characters."""
    lines = (line.strip() for line in _THINKING.sub("", text).splitlines())
    line = next((line for line in lines if line), "")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
