"""Tickets: who may connect to a terminal once, within a minute, without a header that browsers can't set."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec
import trio

from oad.contract.pty_ticket import new_ticket

LIFE_S: Final = 60
_MOST: Final = 1000  # nobody needs so many; the oldest is forgotten


class Ticket(msgspec.Struct, frozen=True):
    """``who`` asked for it: the connection is made on their behalf."""

    terminal: str
    who: str
    expires: float


class Tickets:
    """``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def issue(self, terminal: str, who: str, user: str = "") -> str:
        text = new_ticket(user)
        self._tickets[text] = Ticket(terminal, who, self._clock() + LIFE_S)
        if len(self._tickets) > _MOST:
            self._tickets.popitem(last=False)
        return text

    def redeem(self, text: str, terminal: str) -> Ticket | None:
        """None for one that is unknown, used, expired, or of another terminal; it is worth nothing afterwards."""
        ticket = self._tickets.pop(text, None)
        if ticket is None or ticket.terminal != terminal or ticket.expires < self._clock():
            return None
        return ticket
