"""What a turn starts from, asked of the daemon."""

import msgspec

from ..environment import take_keys
from ..link import Link
from .orders import TurnStart


class TurnSource:
    def __init__(self, link: Link, session: str) -> None:
        self._link = link
        self._session = session

    async def fetch(self) -> TurnStart:
        """The session as the daemon has it, all that this worker has said of it included."""
        reply = await self._link.call("daemon.turn", {"sessionID": self._session})
        start = msgspec.json.decode(reply, type=TurnStart)
        take_keys(start)
        return start
