"""What the daemon tells a session worker of its turns."""

import msgspec

from oad.contract.limits import LimitHit, SessionLimits
from oad.contract.message import MessageWithParts
from oad.contract.session import Session

from ..environment import Keys


class TurnStart(Keys, kw_only=True):
    """What the daemon knows when a turn begins."""

    session: Session
    messages: list[MessageWithParts]
    limits: SessionLimits = msgspec.field(default_factory=SessionLimits)
    depth: int = 0  # how many sessions this one was started through
    output: int = 0  # bytes that the session's commands have written so far


class LimitOrder(msgspec.Struct):
    """``call``: the broker's number of the command that the daemon is about to end; without it the turn is to end."""

    hit: LimitHit
    call: int | None = None
