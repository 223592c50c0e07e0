"""A session's messages during a turn: one copy in memory, every change of it told to the daemon."""

from typing import Any

import msgspec
import trio

from oad.contract.ids import now_ms
from oad.contract.message import AssistantMessage, Message, MessageWithParts, Part, UserMessage
from oad.contract.session import Session, SessionStatus, StatusBusy, StatusIdle, Tokens, add_tokens, no_tokens

from ..link import Link


class Usage(msgspec.Struct):
    """What model calls cost since it was last reported."""

    cost: float = 0.0
    tokens: Tokens = msgspec.field(default_factory=no_tokens)


def _nothing() -> int:
    return 0


class Conversation:
    """The worker's copy. Messages and parts are never changed in place, only replaced, so that an event that still
    waits for the link cannot change under way, and what the turn started from stays as the daemon told it.

    A cancelled task publishes nothing: that is the fence of an abort. What it wanted to say about a message or a part
    is kept and said by ``settle``, which the closing of the turn calls from behind a shield.
    """

    def __init__(self, link: Link, session: Session, messages: list[MessageWithParts]) -> None:
        self.session = session
        self.messages = messages
        self._link = link
        self._unsaid: dict[str, tuple[str, dict[str, Any]]] = {}
        self._usage: Usage | None = None
        self.output = _nothing  # bytes that the session's commands have written by now
        self._output = 0

    # -- reading ------------------------------------------------------------------------------------------------

    def find(self, message_id: str) -> MessageWithParts | None:
        return next((message for message in reversed(self.messages) if message.info.id == message_id), None)

    def last_user(self) -> MessageWithParts | None:
        return next((m for m in reversed(self.messages) if isinstance(m.info, UserMessage)), None)

    def last_assistant(self) -> MessageWithParts | None:
        return next((m for m in reversed(self.messages) if isinstance(m.info, AssistantMessage)), None)

    def next_moment(self) -> int:
        """The time of a message that comes after all there are: lists go by time, and ids may be the clients' own, so
        two messages of one millisecond would be shown in any order."""
        newest = max((message.info.time.created for message in self.messages), default=0)
        return max(now_ms(), newest + 1)

    # -- changes that are kept ----------------------------------------------------------------------------------

    async def put_message(self, info: Message) -> None:
        """Adds a message or replaces one's record, and publishes it."""
        self.place(info)
        await self._say(info.id, "message.updated", {"sessionID": self.session.id, "info": info})

    def place(self, info: Message) -> MessageWithParts:
        """Like ``put_message``, in memory only."""
        known = self.find(info.id)
        if known is None:
            known = MessageWithParts(info=info, parts=[])
            self.messages.append(known)
            return known
        return self._replace(known, MessageWithParts(info=info, parts=known.parts))

    def _replace(self, known: MessageWithParts, new: MessageWithParts) -> MessageWithParts:
        at = next(n for n in reversed(range(len(self.messages))) if self.messages[n] is known)
        self.messages[at] = new
        return new

    async def put_part(self, part: Part) -> None:
        """Adds or replaces a part, and publishes it."""
        self.place_part(part)
        await self._say(part.id, "message.part.updated", self._part_event(part))

    def place_part(self, part: Part) -> None:
        message = self.find(part.message_id)
        if message is None:
            raise LookupError(f"part {part.id} of an unknown message {part.message_id}")
        known = any(each.id == part.id for each in message.parts)
        parts = [part if each.id == part.id else each for each in message.parts]
        self._replace(message, MessageWithParts(info=message.info, parts=parts if known else [*parts, part]))

    async def patch(self, patch: dict[str, Any], *, touch: bool = True, accepted: bool = False) -> None:
        """Changes the session's record; what model calls cost since the last time goes along.

        ``accepted``: a prompt ends here, and must survive a loss of power from now on."""
        for name, value in patch.items():
            setattr(self.session, name, value)
        properties: dict[str, Any] = {"sessionID": self.session.id, "patch": patch, "touch": touch}
        if accepted:
            properties["accepted"] = True
        if self._usage is not None:
            properties["usage"] = {"cost": self._usage.cost, "tokens": self._usage.tokens}
            self._usage = None
        if (output := self.output()) != self._output:
            properties["output"] = self._output = output
        # Usage adds up, so each patch is said once: the link promises that a cancelled publish was not sent.
        await self._say(f"patch {id(properties)}", "session.patched", properties)

    def spend(self, cost: float, tokens: Tokens) -> None:
        """Adds to what the next ``patch`` reports."""
        usage = self._usage or Usage()
        self._usage = Usage(usage.cost + cost, add_tokens(usage.tokens, tokens))

    @property
    def owes(self) -> bool:
        """Whether there is usage that no patch has reported yet."""
        return self._usage is not None

    async def remove_message(self, message_id: str) -> None:
        self.messages = [message for message in self.messages if message.info.id != message_id]
        await self.publish("message.removed", {"sessionID": self.session.id, "messageID": message_id})

    async def remove_parts_from(self, message_id: str, part_id: str) -> None:
        """Removes a part and those after it."""
        message = self.find(message_id)
        ids = [part.id for part in message.parts] if message else []
        for id in ids[ids.index(part_id) :] if part_id in ids else []:
            if message is not None:
                parts = [part for part in message.parts if part.id != id]
                message = self._replace(message, MessageWithParts(info=message.info, parts=parts))
            properties = {"sessionID": self.session.id, "messageID": message_id, "partID": id}
            await self.publish("message.part.removed", properties)

    def keep_part(self, part: Part) -> None:
        """Changes a part without a checkpoint; ``settle`` publishes it."""
        self.place_part(part)
        self._unsaid.pop(part.id, None)
        self._unsaid[part.id] = ("message.part.updated", self._part_event(part))

    # -- events -------------------------------------------------------------------------------------------------

    async def show_part(self, part: Part) -> None:
        """A part on its way: seen by those who watch, not stored."""
        self.place_part(part)
        await self.publish("message.part.updated", self._part_event(part), durable=False)

    async def show_delta(self, part: Part, text: str) -> None:
        properties = {
            "sessionID": self.session.id,
            "messageID": part.message_id,
            "partID": part.id,
            "field": "text",
            "delta": text,
        }
        await self.publish("message.part.delta", properties, durable=False)

    async def status(self, status: SessionStatus) -> None:
        await self.publish("session.status", {"sessionID": self.session.id, "status": status})

    async def busy(self) -> None:
        await self.status(StatusBusy())

    async def idle(self) -> None:
        await self.status(StatusIdle())
        await self.publish("session.idle", {"sessionID": self.session.id})

    async def publish(self, type: str, properties: dict[str, Any], *, durable: bool = True) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        await self._link.publish(type, properties, durable=durable)

    async def settle(self) -> None:
        """Says what cancelled tasks could not."""
        while self._unsaid:
            key = next(iter(self._unsaid))
            type, properties = self._unsaid.pop(key)
            await self._link.publish(type, properties)

    async def _say(self, key: str, type: str, properties: dict[str, Any]) -> None:
        entry = (type, properties)
        self._unsaid.pop(key, None)  # to the end of the line: the newest state is said last
        self._unsaid[key] = entry
        await self.publish(type, properties)
        if self._unsaid.get(key) is entry:
            del self._unsaid[key]

    def _part_event(self, part: Part) -> dict[str, Any]:
        return {"sessionID": self.session.id, "part": part, "time": now_ms()}
