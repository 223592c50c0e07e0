"""Limits of one session: what may be wished for, what holds, and what is said when one is reached.

A session may ask for less than the operator allows (``limits`` of its create body and of PATCH), never for more; a
subagent's session is also bound by what its ancestors asked for.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec

from .policy import LimitPolicy
from .wire_model import WireModel, wire_name

_Positive = Annotated[int, msgspec.Meta(gt=0)]
_Amount = Annotated[float, msgspec.Meta(gt=0)]

Action = Literal["command", "turn", "session", "refused"]


class SessionLimits(WireModel):
    """The limits of policy.LimitPolicy that are a session's own. None: no wish, or no limit."""

    memory_mb: _Positive | None = None
    cpu: _Amount | None = None
    processes: _Positive | None = None
    open_files: _Positive | None = None
    file_size_mb: _Positive | None = None
    written_mb: _Positive | None = None
    command_output_mb: _Positive | None = None
    session_output_mb: _Positive | None = None
    command_s: _Amount | None = None
    turn_s: _Amount | None = None
    session_s: _Amount | None = None
    steps: _Positive | None = None
    tool_calls: _Positive | None = None
    tokens: _Positive | None = None
    cost: _Amount | None = None
    queued_prompts: _Positive | None = None
    repeated_calls: _Positive | None = None
    alternating_calls: _Positive | None = None
    step_characters: _Positive | None = None
    asks: _Positive | None = None


NAMES: Final = SessionLimits.__struct_fields__
MEGABYTE: Final = 1024 * 1024


class CommandLimits(msgspec.Struct, frozen=True):
    """What the kernel enforces on each process of a command: resource limits, inherited and never raised again."""

    open_files: int | None = None
    file_size_mb: int | None = None
    processes: int | None = None  # of the whole session; only where the kernel counts a session by itself

    def within(self, ceiling: "CommandLimits") -> "CommandLimits":
        return CommandLimits(*(_least(getattr(self, name), getattr(ceiling, name)) for name in _COMMAND_NAMES))


_COMMAND_NAMES: Final = CommandLimits.__struct_fields__


class LimitHit(WireModel):
    """A limit that was reached. ``limit`` is its wire name, ``action`` what was stopped, or that work was refused."""

    limit: str
    value: float
    peak: float
    action: Action


class LimitReached(WireModel):
    """Properties of the event ``session.limit``."""

    session_id: str
    limit: str
    value: float
    peak: float
    action: Action


def reached(session_id: str, hit: LimitHit) -> LimitReached:
    return LimitReached(
        session_id=session_id, limit=hit.limit, value=hit.value, peak=round(hit.peak, 3), action=hit.action
    )


class SessionUse(WireModel):
    """What a session uses now or has used, named as its limits. Output, disk and time are counted from the start of
    the service on; tokens and cost of a root session include its subagents."""

    memory_mb: float
    cpu: float
    processes: int
    written_mb: float
    session_output_mb: float
    turn_s: float
    session_s: float
    tokens: int
    cost: float


class SessionLimitReport(WireModel):
    """Answer of GET /session/{id}/limits. ``reached`` counts per limit since the start of the service."""

    limits: SessionLimits
    use: SessionUse
    peak: dict[str, float]
    reached: dict[str, int]


def effective(wishes: Iterable[SessionLimits | None], operator: LimitPolicy) -> SessionLimits:
    """The strictest of all wishes and the operator's limits, name by name."""
    found: dict[str, float | None] = {name: getattr(operator, name) for name in NAMES}
    for wish in wishes:
        if wish is not None:
            for name in NAMES:
                found[name] = _least(found[name], getattr(wish, name))
    return msgspec.convert({wire_name(name): value for name, value in found.items()}, SessionLimits)


def for_commands(limits: "SessionLimits | LimitPolicy") -> CommandLimits:
    return CommandLimits(limits.open_files, limits.file_size_mb, limits.processes)


def _least(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)
