"""What a piece of work belongs to: the request that caused it, the trace it is part of, and the session it is about.

Both are context variables: tasks inherit them from whoever starts them, log lines show them, and calls between the
processes carry the first along, so that one request can be followed through gateway, daemon and worker.
"""

import re
from contextvars import ContextVar
from typing import Final

import msgspec

# What is taken over from a client: harmless in logs and headers.
_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Trail(msgspec.Struct, array_like=True, frozen=True):
    """``parent`` is a W3C ``traceparent``; ``user`` whose request it was, where users are told apart. Each may be
    empty."""

    request: str = ""
    parent: str = ""
    user: str = ""


NO_TRAIL: Final = Trail()
TRAIL: Final[ContextVar[Trail]] = ContextVar("trail", default=NO_TRAIL)
SESSION: Final[ContextVar[str]] = ContextVar("session", default="")


def sane_request_id(text: str | None) -> str | None:
    """None for what is no id that may stand in logs and headers."""
    return text if text is not None and _SANE.fullmatch(text) else None


def sane_traceparent(text: str | None) -> str:
    """Empty for what the standard would have ignored."""
    return text if text is not None and _TRACEPARENT.fullmatch(text) else ""


def trace_variables() -> dict[str, str]:
    """By which programs that are started now find the trace that they belong to."""
    parent = TRAIL.get().parent
    return {"TRACEPARENT": parent} if parent else {}


def trace_headers() -> dict[str, str]:
    """The same for requests to other services."""
    parent = TRAIL.get().parent
    return {"traceparent": parent} if parent else {}


def enter(trail: Trail | None, session: str = "") -> None:
    """For the rest of this task, and for the tasks that it starts."""
    TRAIL.set(trail or NO_TRAIL)
    SESSION.set(session)
