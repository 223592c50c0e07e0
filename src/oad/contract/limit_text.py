"""A limit that was reached, in words: for the model, for messages, for refused requests."""

import re
from typing import Any, Final

from .errors import ApiError, named
from .limits import LimitHit
from .message import NamedError
from .policy import AdmissionPolicy
from .wire_model import wire_name

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
    "liveSessionsPerUser": ("live session", " live sessions of one user"),
    "runningTurns": ("running turn", " running turns of the service"),
    "runningTurnsPerUser": ("running turn", " running turns of one user"),
    "queue": ("queue", " waiting prompts of the service"),
    "queuePerUser": ("queue", " waiting prompts of one user"),
    "queueS": ("waiting time", " s in the queue"),
    "freeMemoryMb": ("free memory", " MB"),
    "requestsPerS": ("request", " requests per second"),
    "storeMb": ("store", " MB of the service"),
}

_ADMISSION: Final = frozenset(map(wire_name, AdmissionPolicy.__struct_fields__))
_STORAGE: Final = frozenset({"storeMb"})
_CAPITAL: Final = re.compile("(?=[A-Z])")
RATE_LIMITED: Final = "RATE_LIMITED"  # the code by which clients know a 429 of ours from that of a model


def describe(hit: LimitHit) -> str:
    """``the memory limit of 256 MB was reached (peak 301.5)``."""
    name, unit = _WORDS[hit.limit]
    return f"the {name} limit of {hit.value:g}{unit} was reached (peak {round(hit.peak, 3):g})"


def limit_error(hit: LimitHit) -> NamedError:
    """What a message carries whose turn was stopped by a limit."""
    return NamedError(name="LimitError", data=_data(hit, f"Stopped: {describe(hit)}"))


def limit_refused(hit: LimitHit, retry_after_s: int | None = None) -> ApiError:
    """429. Without ``retry_after_s`` it does not help to come again: the limit is used up."""
    data = _data(hit, f"Refused: {describe(hit)}")
    error = named(429, "LimitError", **data, setting=setting_of(hit.limit), code=RATE_LIMITED)
    if retry_after_s is not None:
        error.headers["retry-after"] = str(retry_after_s)
    return error


def setting_of(limit: str) -> str:
    """The key in oad.toml: ``[limits] memory_mb``."""
    section = "admission" if limit in _ADMISSION else "storage" if limit in _STORAGE else "limits"
    return f"[{section}] {_CAPITAL.sub('_', limit).lower()}"


def _data(hit: LimitHit, message: str) -> dict[str, Any]:
    return {"message": message, "limit": hit.limit, "value": hit.value, "peak": round(hit.peak, 3)}
