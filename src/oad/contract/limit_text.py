"""A limit that was reached, in words: for the model, for messages, for refused requests."""

from typing import Any, Final

from .errors import ApiError, named
from .limits import LimitHit
from .message import NamedError

# What each limit is called in a sentence, and the unit of its value.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "memoryMb": ("memory", " MB"),
    "cpu": ("CPU", " cores"),
    "processes": ("process", " processes and threads"),
    "openFiles": ("open file", " files"),
    "fileSizeMb": ("file size", " MB"),
    "writtenMb": ("disk write", " MB"),
    "commandOutputMb": ("command output", " MB"),
    "sessionOutputMb": ("session output", " MB"),
    "commandS": ("command time", " s"),
    "turnS": ("turn time", " s"),
    "sessionS": ("session time", " s"),
    "steps": ("step", " steps in a turn"),
    "toolCalls": ("tool call", " calls in a turn"),
    "tokens": ("token", " tokens"),
    "cost": ("cost", " dollars"),
    "queuedPrompts": ("queue", " waiting prompts"),
    "repeatedCalls": ("repetition", " equal calls in a row"),
    "alternatingCalls": ("alternation", " rounds of the same calls"),
    "stepCharacters": ("text", " characters without an end"),
    "asks": ("ask", " asks in a turn"),
    "sessions": ("session", " sessions of the service"),
    "liveSessions": ("live session", " live sessions of the service"),
}


def describe(hit: LimitHit) -> str:
    """``the memory limit of 256 MB was reached (peak 301.5)``."""
    name, unit = _WORDS[hit.limit]
    return f"the {name} limit of {hit.value:g}{unit} was reached (peak {round(hit.peak, 3):g})"


def limit_error(hit: LimitHit) -> NamedError:
    """What a message carries whose turn was stopped by a limit."""
    return NamedError(name="LimitError", data=_data(hit, f"Stopped: {describe(hit)}"))


def limit_refused(hit: LimitHit, retry_after_s: int | None = None) -> ApiError:
    """429. Without ``retry_after_s`` it does not help to come again: the limit is used up."""
    error = named(429, "LimitError", **_data(hit, f"Refused: {describe(hit)}"))
    if retry_after_s is not None:
        error.headers["retry-after"] = str(retry_after_s)
    return error


def _data(hit: LimitHit, message: str) -> dict[str, Any]:
    return {"message": message, "limit": hit.limit, "value": hit.value, "peak": round(hit.peak, 3)}
