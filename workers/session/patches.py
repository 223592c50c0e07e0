"""Which changes of files the messages of a session tell of, and where a revert cuts. Pure."""

from collections.abc import Sequence

import msgspec

from oad.contract.message import (
    MessageWithParts,
    Part,
    PatchPart,
    SnapshotPart,
    StepFinishPart,
    StepStartPart,
    TextPart,
    ToolPart,
    UserMessage,
)


class Patch(msgspec.Struct, frozen=True):
    """The trees before and after a step; ``files`` are what the step is said to have changed, absolute."""

    before: str
    after: str
    files: tuple[str, ...]


class Point(msgspec.Struct, frozen=True):
    """From here on all is reverted: from a part of a message, or from the message on. ``index`` is the message's."""

    index: int
    message_id: str
    part_id: str | None = None


def patches_of(parts: Sequence[Part], start: int = 0) -> list[Patch]:
    """Those that are told of from the part number ``start`` on. A step that was cut off names its end in a part of its
    own, behind the patch."""
    after: str | None = None
    found: list[Patch] = []
    waiting: list[PatchPart] = []
    for number, part in enumerate(parts):
        if isinstance(part, StepFinishPart) and part.snapshot is not None:
            after = part.snapshot
        elif isinstance(part, PatchPart) and number >= start:
            if after is not None:
                found.append(Patch(part.hash, after, tuple(part.files)))
            else:
                waiting.append(part)
        elif isinstance(part, SnapshotPart):
            found += [Patch(each.hash, part.snapshot, tuple(each.files)) for each in waiting]
            waiting = []
        elif isinstance(part, StepStartPart):
            after = None
    return found


def all_patches(messages: Sequence[MessageWithParts]) -> list[Patch]:
    return [patch for message in messages for patch in patches_of(message.parts)]


def patches_for(messages: Sequence[MessageWithParts], user_id: str) -> list[Patch]:
    """Of the answers to one prompt."""
    answers = [each for each in messages if not isinstance(each.info, UserMessage) and each.info.parent_id == user_id]
    return all_patches(answers)


def patches_after(messages: Sequence[MessageWithParts], point: Point) -> list[Patch]:
    """A step's changes go with the last of its calls: they can't be told apart."""
    found: list[Patch] = []
    for message in messages[point.index :]:
        cut = message.info.id == point.message_id and point.part_id is not None
        found += patches_of(message.parts, position(message.parts, point.part_id) if cut else 0)
    return found


def position(parts: Sequence[Part], part_id: str | None) -> int:
    return next((number for number, part in enumerate(parts) if part.id == part_id), len(parts))


def find_point(messages: Sequence[MessageWithParts], message_id: str, part_id: str | None) -> Point | None:
    """Where to cut: a message, or a part in the midst of an answer; where nothing of the answer would be left, the
    prompt goes too. None when there is no such thing."""
    prompt: Point | None = None
    for index, message in enumerate(messages):
        here = Point(index, message.info.id)
        if isinstance(message.info, UserMessage):
            prompt = here
        if part_id is None:
            if message.info.id == message_id:
                return prompt or here
            continue
        at = position(message.parts, part_id)
        if at < len(message.parts):
            kept = any(isinstance(part, TextPart | ToolPart) for part in message.parts[:at])
            return Point(index, message.info.id, part_id) if kept else prompt or here
    return None


def newest_tree(messages: Sequence[MessageWithParts]) -> str | None:
    """The last that the messages name."""
    for message in reversed(messages):
        for part in reversed(message.parts):
            if isinstance(part, StepFinishPart | StepStartPart | SnapshotPart) and part.snapshot is not None:
                return part.snapshot
    return None
