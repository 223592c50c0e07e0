"""What went wrong at a provider, as the turn needs to know it: retry, compact, or stop."""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast

import msgspec

from .model import ModelFailure

OVERLOADED = "Provider is overloaded"
RESET = "Connection reset by server"
MAX_BODY = 20_000  # characters of a response body that are kept

# How vendors say that the prompt does not fit. None of them has a status of its own for it.
_OVERFLOW = re.compile(
    r"""context[_ ]length[_ ]exceeded
    | (maximum|max|available)\ context\ (length|size|window)
    | (exceed\w*|larger\ than|greater\ than|beyond|too\ \w+\ for)\ (the\ )?(model'?s\ )?
      (maximum\ |available\ |allowed\ )?(context|input\ token|number\ of\ (input\ )?tokens)
    | context[_ ](window|size|length)[_ ]\w*(exceed|limit)
    | exceed_context_size
    | (prompt|input|request|conversation)\ (is\ )?too\ (long|large)
    | maximum\ (prompt|input)\ (length|token)
    | input\ token\ count
    | reduce\ the\ length\ of
    | exceeded\ model\ token\ limit
    | request_too_large
    | too\ many\ (input\ )?tokens\ in""",
    re.IGNORECASE | re.VERBOSE,
)
_RETRYABLE = frozenset({408, 409, 425, 429})
_OVERLOAD_TYPES = frozenset({"overloaded_error", "overloaded", "server_overloaded", "slow_down"})
_RETRYABLE_TYPES = frozenset(
    {"api_error", "server_error", "internal_error", "internal_server_error", "timeout_error", "rate_limit_error"}
    | {"rate_limit_exceeded", "too_many_requests", "service_unavailable", "timeout", "unavailable", "no_kv_space"}
)
_HOPELESS_TYPES = frozenset({"insufficient_quota", "billing_error", "usage_not_included", "credit_balance_too_low"})


class Complaint(msgspec.Struct):
    """An error as providers write it into a body or a stream: ``words`` are its type, code and status."""

    message: str | None = None
    words: frozenset[str] = frozenset()
    status: int | None = None


def read_complaint(body: Any) -> Complaint:
    """Finds the text and the classifying words in a decoded error body, however deep the vendor nests them."""
    if isinstance(body, list) and body:  # Google wraps its error in a list
        return read_complaint(body[0])
    if isinstance(body, str):
        return Complaint(body.strip() or None)
    return _read_object(cast("dict[str, Any]", body)) if isinstance(body, dict) else Complaint()


def _read_object(body: dict[str, Any]) -> Complaint:
    inner = body.get("error") or body.get("errors")
    if not inner:
        return Complaint(_text(body), _words(body), _status(body))
    complaint = read_complaint(inner)
    complaint.words |= _words(body)
    complaint.message = complaint.message or _text(body)
    return complaint


def _text(body: dict[str, Any]) -> str | None:
    for key in ("message", "detail", "error_description", "msg"):
        value = body.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, dict) and (text := _text(cast("dict[str, Any]", value))):
            return text
    return None


def _words(body: dict[str, Any]) -> frozenset[str]:
    return frozenset(
        str(body[key]).lower() for key in ("type", "code", "status") if isinstance(body.get(key), str | int)
    )


def _status(body: dict[str, Any]) -> int | None:
    for key in ("status_code", "code", "status"):
        value = body.get(key)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def status_failure(
    status: int, body: str, *, headers: Mapping[str, str] | None = None, url: str | None = None
) -> ModelFailure:
    """An HTTP answer of 400 and more."""
    complaint = read_complaint(_decoded(body))
    headers = {name.lower(): value for name, value in (headers or {}).items()}
    return _failure(complaint, status, body[:MAX_BODY], headers=headers, url=url)


def stream_failure(data: Any, *, url: str | None = None) -> ModelFailure:
    """An error event inside a stream that began well: its status is at most named in the event."""
    complaint = read_complaint(data)
    return _failure(complaint, complaint.status, msgspec.json.encode(data).decode()[:MAX_BODY], url=url)


def _failure(
    complaint: Complaint,
    status: int | None,
    body: str,
    *,
    headers: dict[str, str] | None = None,
    url: str | None = None,
) -> ModelFailure:
    overloaded = status == 529 or not _OVERLOAD_TYPES.isdisjoint(complaint.words)
    message = OVERLOADED if overloaded else complaint.message or _phrase(status)
    overflow = _overflows(status, complaint, body)
    return ModelFailure(
        "overflow" if overflow else "api",
        message,
        status=status,
        retryable=not overflow and (overloaded or _worth_retrying(status, complaint.words)),
        retry_after_s=retry_after(headers or {}),
        headers=headers,
        body=body,
        url=url,
    )


def _overflows(status: int | None, complaint: Complaint, body: str) -> bool:
    if status == 413:
        return True
    if status is not None and (status == 429 or status in {401, 403, 404}):
        return False  # "too many tokens" per minute is a rate, not a size
    return _OVERFLOW.search(complaint.message or body) is not None or any(map(_OVERFLOW.search, complaint.words))


def _worth_retrying(status: int | None, words: frozenset[str]) -> bool:
    if not _HOPELESS_TYPES.isdisjoint(words):
        return False
    if status is None:
        return not _RETRYABLE_TYPES.isdisjoint(words)
    return status in _RETRYABLE or (status >= 500 and status != 501)


def _phrase(status: int | None) -> str:
    if status is None:
        return "The provider reported an error without a text"
    known = {entry.value: entry.phrase for entry in HTTPStatus}
    return f"{status} {known.get(status, 'from the provider')}"


def _decoded(body: str) -> Any:
    """None for what is no JSON and looks like a page: its markup tells a person nothing."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None if "<" in body[:200] else body[:500]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or a date), else None."""
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is not None and (seconds := _seconds(value, divisor)) is not None:
            return seconds
    return None


def _seconds(value: str, divisor: float) -> float | None:
    try:
        seconds = float(value) / divisor
    except ValueError:
        try:
            seconds = max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except ValueError:
            return None
    return seconds if 0 <= seconds < float("inf") else None


def connect_failure(reason: str, *, url: str | None = None) -> ModelFailure:
    """Nothing was sent: refused, no route, no such name, TLS refused."""
    return ModelFailure("connect", f"Cannot connect to API: {reason}", retryable=True, url=url)


def reset_failure(*, url: str | None = None) -> ModelFailure:
    """The connection ended before the answer did."""
    return ModelFailure("connect", RESET, retryable=True, url=url)


def silence_failure(seconds: float, *, url: str | None = None) -> ModelFailure:
    return ModelFailure("connect", f"The provider sent nothing for {seconds:g} s", retryable=True, url=url)


def garbled_failure(what: str, *, url: str | None = None) -> ModelFailure:
    """Bytes that are no event of the protocol."""
    return ModelFailure("api", f"The provider sent what its protocol does not know: {what}", retryable=True, url=url)
