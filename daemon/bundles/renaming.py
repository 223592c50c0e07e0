"""New ids for sessions whose own are taken, wherever they stand: in records, and in what tools said of them.

A message's new id carries its time, as the old one did: what comes later sorts after it.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from oad.contract.ids import id_at
from oad.contract.message import AssistantMessage, CompactionPart, MessageWithParts

from .reading import Arrived

_ID: Final = re.compile(rb"(?:ses|msg|prt)_[A-Za-z0-9_-]+")


def name_anew(each: Arrived, sessions: Mapping[str, str]) -> dict[str, str]:
    """New ids of the sessions which get one and, if it is one of them, of what belongs to this one. Other sessions of
    the file may have messages of the same ids."""
    names = dict(sessions)
    if each.info.id not in sessions:
        return names
    for count, message in enumerate(each.messages, 1):
        created = message.info.time.created
        names[message.info.id] = id_at("msg", created, count)
        for number, part in enumerate(message.parts, 1):
            names[part.id] = id_at("prt", created, number)
    return names


def rename(each: Arrived, names: Mapping[str, str]) -> None:
    """In every field that holds an id."""
    info = each.info
    info.id = names.get(info.id, info.id)
    info.parent_id = names.get(info.parent_id, info.parent_id) if info.parent_id is not None else None
    if (revert := info.revert) is not None:
        hidden = revert.part_id and names.get(revert.part_id, revert.part_id)
        since = names.get(revert.message_id, revert.message_id)
        info.revert = msgspec.structs.replace(revert, message_id=since, part_id=hidden)
    for message in each.messages:
        _rename_message(message, info.id, names)


def _rename_message(message: MessageWithParts, session: str, names: Mapping[str, str]) -> None:
    info = message.info
    info.id, info.session_id = names.get(info.id, info.id), session
    if isinstance(info, AssistantMessage):
        info.parent_id = names.get(info.parent_id, info.parent_id)
    for part in message.parts:
        part.id, part.message_id, part.session_id = names.get(part.id, part.id), info.id, session
        if isinstance(part, CompactionPart) and part.tail_start_id is not None:
            part.tail_start_id = names.get(part.tail_start_id, part.tail_start_id)


def rename_mentions(encoded: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """In free text and metadata: a subagent's session in the result of its call, by which it can be taken up again."""
    return _ID.sub(lambda found: names.get(found[0], found[0]), encoded) if names else encoded
