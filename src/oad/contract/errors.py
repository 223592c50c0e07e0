"""Failures that a client may see, each with its HTTP status and its body.

The reference has three families of error bodies; each operation's family is fixed and clients compare them:
``{"name", "data"}`` (named), ``{"_tag", ...}`` (tagged) and the schema error, which is a named BadRequest with a kind.
"""

from typing import Any, Literal

import msgspec

from .ids import random_text

Kind = Literal["Payload", "Query", "Params", "Body"]


class ApiError(Exception):
    """A failure with an HTTP status and a JSON body. Raised anywhere, rendered once at the edge."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def encode(self) -> bytes:
        return msgspec.json.encode(self.body)


def named(status: int, name: str, **data: Any) -> ApiError:
    return ApiError(status, {"name": name, "data": data})


def tagged(status: int, tag: str, **fields: Any) -> ApiError:
    return ApiError(status, {"_tag": tag, **fields})


def bad_request(message: str, kind: Kind = "Payload") -> ApiError:
    return named(400, "BadRequest", message=message, kind=kind)


def not_found(message: str) -> ApiError:
    return named(404, "NotFoundError", message=message)


def session_not_found(session_id: str) -> ApiError:
    return not_found(f"Session not found: {session_id}")


def session_busy(session_id: str) -> ApiError:
    return tagged(409, "SessionBusyError", sessionID=session_id, message=f"Session is busy: {session_id}")


def aborted_early(why: str = "Aborted before it began") -> ApiError:
    """The session was aborted between the arrival of a prompt and its start."""
    return named(409, "MessageAbortedError", message=why)


def unavailable(message: str, retry_after_s: int = 1) -> ApiError:
    error = named(503, "UnavailableError", message=message)
    error.headers["retry-after"] = str(retry_after_s)
    return error


def sandbox_unavailable(step: str, remedy: str) -> ApiError:
    """Nothing is run, because what should hold it can't be enforced: the step that failed, and what to do about it."""
    message = f"The sandbox can't be enforced: {step}. Remedy: {remedy}"
    return named(503, "SandboxUnavailableError", message=message, step=step, remedy=remedy)


def unexpected(message: str = "Unexpected server error. Check server logs for details.") -> ApiError:
    """An internal failure: the body names a reference into the log and nothing else."""
    return named(500, "UnknownError", message=message, ref="err_" + random_text(8, "0123456789abcdef"))
