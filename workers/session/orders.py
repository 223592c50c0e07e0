"""What the daemon tells a session worker of its turns."""

import msgspec

from oad.contract.limits import LimitHit, SessionLimits
from oad.contract.message import MessageWithParts, NamedError
from oad.contract.session import Session

from ..environment import Keys


class TurnStart(Keys, kw_only=True):
    """What the daemon knows when a turn begins."""

    session: Session
    messages: list[MessageWithParts]  # all, or those that have changed since ``stamp`` was something else
    placed: list[int] = msgspec.field(default_factory=list[int])  # the times by which they are ordered
    whole: bool = True
    removed: list[str] = msgspec.field(default_factory=list[str])
    stamp: int | None = None
    limits: SessionLimits = msgspec.field(default_factory=SessionLimits)
    depth: int = 0  # how many sessions this one was started through
    output: int = 0  # bytes that the session's commands have written so far


class LimitOrder(msgspec.Struct):
    """``call``: the broker's number of the command that the daemon is about to end; without it the turn is to end."""

    hit: LimitHit
    call: int | None = None
    error: NamedError | None = None  # what to say instead of the limit
