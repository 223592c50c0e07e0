"""What a turn starts from, asked of the daemon: of the messages only what has changed since the last time."""

import msgspec

from oad.contract.message import MessageWithParts

from ..environment import take_keys
from ..link import Link
from ..models import follow_catalogue
from .orders import TurnStart


class TurnSource:
    """Keeps the messages as the daemon told them. A turn gets a list of its own, in which it replaces what it changes:
    what it did comes back from the daemon with the next turn, as the store has it."""

    def __init__(self, link: Link, session: str) -> None:
        self._link = link
        self._session = session
        self._stamp: int | None = None
        self._messages: dict[str, MessageWithParts] = {}
        self._places: dict[str, tuple[int, str]] = {}

    async def fetch(self) -> TurnStart:
        """The session as the daemon has it, all that this worker has said of it included."""
        since = {} if self._stamp is None else {"since": str(self._stamp)}
        reply = await self._link.call("daemon.turn", {"sessionID": self._session, **since})
        start = msgspec.json.decode(reply, type=TurnStart)
        take_keys(start)
        await follow_catalogue(self._link, start.models)
        self._take(start)
        start.messages = list(self._messages.values())
        return start

    def _take(self, start: TurnStart) -> None:
        if start.whole:
            self._messages, self._places = {}, {}
        for id in start.removed:
            self._messages.pop(id, None)
            self._places.pop(id, None)
        for number, message in enumerate(start.messages):
            placed = start.placed[number] if start.placed else number
            self._messages[message.info.id] = message
            self._places[message.info.id] = (placed, message.info.id)
        if not start.whole and start.messages:
            ids = sorted(self._messages, key=self._places.__getitem__)
            self._messages = {id: self._messages[id] for id in ids}
        self._stamp = start.stamp
