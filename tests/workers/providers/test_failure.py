import time
from email.utils import formatdate
from typing import Any

import msgspec
import pytest

from oad.workers.providers.failure import retry_after, status_failure, stream_failure


def encode(body: Any) -> str:
    return msgspec.json.encode(body).decode()


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (403, False), (404, False), (422, False), (501, False)]
    + [(408, True), (409, True), (429, True), (500, True), (502, True), (503, True), (504, True), (529, True)],
)
def test_which_statuses_are_worth_another_try(status: int, retryable: bool) -> None:
    failure = status_failure(status, encode({"error": {"message": "m"}}))
    assert (failure.kind, failure.retryable, failure.status) == ("api", retryable, status)


def test_everything_a_client_is_shown_is_kept() -> None:
    body = encode({"error": {"message": "scripted 400", "type": "scripted"}})
    failure = status_failure(
        400, body, headers={"Content-Type": "application/json"}, url="http://x/v1/chat/completions"
    )
    assert failure.message == "scripted 400"
    assert failure.body == body
    assert failure.headers == {"content-type": "application/json"}
    assert failure.url == "http://x/v1/chat/completions"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "plain"}, "plain"),
        ({"message": "top"}, "top"),
        ({"detail": "fast api"}, "fast api"),
        ([{"error": {"message": "google", "status": "INVALID_ARGUMENT"}}], "google"),
        ({"error": {"code": 400}, "message": "beside"}, "beside"),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "anthropic"}}, "anthropic"),
        ({"detail": {"message": "deep"}}, "deep"),
        ({}, "400 Bad Request"),
        (None, "400 Bad Request"),
    ],
)
def test_the_text_is_found_where_vendors_put_it(body: Any, message: str) -> None:
    assert status_failure(400, encode(body)).message == message


def test_bodies_that_are_no_json() -> None:
    assert status_failure(502, "<html><h1>Bad</h1></html>").message == "502 Bad Gateway"
    assert status_failure(500, "upstream is gone").message == "upstream is gone"
    assert status_failure(599, "").message == "599 from the provider"


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Please reduce the length of the messages or completion.",
        "the request exceeds the available context size, try increasing it",
        "Input is too long for requested model.",
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        "Your request exceeded model token limit: 262144",
        "invalid params, context window exceeds limit",
    ],
)
def test_vendors_texts_for_a_prompt_that_does_not_fit(message: str) -> None:
    failure = status_failure(400, encode({"error": {"message": message}}))
    assert (failure.kind, failure.retryable) == ("overflow", False)


@pytest.mark.parametrize("message", ["max_tokens is too large", "Invalid tool schema", "Unsupported value: 'top_p'"])
def test_other_bad_requests_are_no_overflow(message: str) -> None:
    assert status_failure(400, encode({"error": {"message": message}})).kind == "api"


def test_overflow_by_code_and_by_status() -> None:
    assert (
        status_failure(400, encode({"error": {"code": "context_length_exceeded", "message": "m"}})).kind == "overflow"
    )
    assert status_failure(413, encode({"error": {"message": "scripted 413"}})).kind == "overflow"


def test_a_rate_in_tokens_is_no_overflow() -> None:
    failure = status_failure(429, encode({"error": {"message": "Too many tokens in this minute, prompt is too long"}}))
    assert (failure.kind, failure.retryable) == ("api", True)


def test_overload_has_one_text() -> None:
    assert status_failure(529, encode({"error": {"message": "x"}})).message == "Provider is overloaded"
    failure = stream_failure({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert (failure.message, failure.retryable) == ("Provider is overloaded", True)


def test_an_empty_purse_is_not_worth_another_try() -> None:
    body = encode({"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}})
    assert not status_failure(429, body).retryable


@pytest.mark.parametrize(
    ("error", "retryable", "status"),
    [
        ({"code": 502, "message": "upstream"}, True, 502),
        ({"type": "server_error", "message": "m"}, True, None),
        ({"type": "invalid_request_error", "message": "m"}, False, None),
        ("text", False, None),
    ],
)
def test_errors_inside_a_stream(error: Any, retryable: bool, status: int | None) -> None:
    failure = stream_failure({"error": error})
    assert (failure.retryable, failure.status) == (retryable, status)


def test_waiting_times() -> None:
    assert retry_after({"retry-after-ms": "20", "retry-after": "9"}) == 0.02
    assert retry_after({"retry-after": "1.5"}) == 1.5
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "-3"}) is None
    assert retry_after({"retry-after": "inf"}) is None
    assert retry_after({}) is None
    wait = retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert wait is not None and 55 < wait <= 60
