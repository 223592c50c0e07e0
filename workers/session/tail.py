"""What of a conversation is kept word for word beside its summary: the last turns, as far as they are small enough."""

import math
from typing import Final

import msgspec

from oad.contract.catalogue import Model
from oad.contract.message import MessageWithParts, UserMessage

from .history import has_compaction, to_chat
from .surroundings import CompactionSettings

_LEAST_TOKENS: Final = 2_000
_MOST_TOKENS: Final = 8_000
_SHARE: Final = 0.25  # of what fits into the model's context
_CHARACTERS_PER_TOKEN: Final = 4


def choose_tail(messages: list[MessageWithParts], model: Model, settings: CompactionSettings, usable: int) -> int:
    """The position of the first message that is kept; the number of messages when none is: it is not asked for,
    nothing is small enough, or everything is, and there would be nothing to sum up."""
    none = len(messages)
    given = settings.preserve_recent_tokens
    if settings.tail_turns == 0 or (settings.tail_turns is None and given is None):
        return none
    room = given if given is not None else min(_MOST_TOKENS, max(_LEAST_TOKENS, math.floor(usable * _SHARE)))
    turns = [index for index, message in enumerate(messages) if _begins_turn(message)]
    first, end = none, none
    for start in reversed(turns[-settings.tail_turns :] if settings.tail_turns else turns):
        room -= _tokens(messages[start:end], model)
        if room < 0:
            break
        first = end = start
    return first if first > 0 else none


def _begins_turn(message: MessageWithParts) -> bool:
    return isinstance(message.info, UserMessage) and not has_compaction(message)


def _tokens(messages: list[MessageWithParts], model: Model) -> int:
    return len(msgspec.json.encode(to_chat(messages, model))) // _CHARACTERS_PER_TOKEN
