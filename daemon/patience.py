"""How long an ask is waited for, and what it comes to without an answer. Pure: policy and times go in.

A session may wish for what is stricter than the operator's policy: deny before wait before allow, and a shorter wait.
"""

import math
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from oad.contract.policy import AskPolicy, OnAsk
from oad.contract.session import OnAskWish

Reason = Literal["policy", "timeout", "unheard"]

_STRICTNESS: Final[dict[OnAsk, int]] = {"allow": 0, "wait": 1, "deny": 2}


def is_laxer(wish: OnAskWish, operator: AskPolicy) -> bool:
    """Whether a session asks for more than the operator allows: then it is refused, not silently cut down."""
    too_long = wish.wait_s is not None and operator.wait_s is not None and wish.wait_s > operator.wait_s
    too_lax = wish.policy is not None and _STRICTNESS[wish.policy] < _STRICTNESS[operator.on_ask]
    return too_lax or too_long


def effective(operator: AskPolicy, wishes: Iterable[OnAskWish]) -> AskPolicy:
    """What holds for a session. ``wishes`` are its own and its ancestors': the strictest of all counts, whenever the
    operator's policy was changed."""
    known = list(wishes)
    wished: list[OnAsk] = [wish.policy for wish in known if wish.policy is not None]
    waits = [wish.wait_s for wish in known if wish.wait_s is not None]
    if operator.wait_s is not None:
        waits.append(operator.wait_s)
    on_ask: OnAsk = max([operator.on_ask, *wished], key=lambda policy: _STRICTNESS[policy])
    return msgspec.structs.replace(operator, on_ask=on_ask, wait_s=min(waits, default=None))


class Patience(msgspec.Struct, frozen=True):
    """Of one ask. Times are seconds of one monotonic clock."""

    policy: AskPolicy
    asked: float

    def ends(self, *, heard: bool, last_heard: float) -> tuple[float, Reason]:
        """When to give up as things are now, and why; infinity: not at all."""
        ends = [(self.asked + (math.inf if self.policy.wait_s is None else self.policy.wait_s), "timeout")]
        if not heard:
            ends.append((max(self.asked, last_heard) + self.policy.unheard_s, "unheard"))
        at, reason = min(ends)
        return at, "unheard" if reason == "unheard" else "timeout"
