"""Failures of model calls and turns, as messages and events tell them."""

from typing import Any, cast

from oad.contract.message import NamedError

from ..providers.model import ModelFailure

ABORTED = NamedError(name="MessageAbortedError", data={"message": "Aborted"})
FILTERED = NamedError(
    name="ContentFilterError", data={"message": "The response was blocked by the provider's content filter"}
)


class TurnFailed(Exception):
    """Ends the turn with this error on its message."""

    def __init__(self, error: NamedError) -> None:
        super().__init__(error.name, error.data)
        self.error = error


def first_of(group: BaseException) -> BaseException:
    """The first real exception of a group."""
    if isinstance(group, BaseExceptionGroup):
        return first_of(cast("BaseExceptionGroup[BaseException]", group).exceptions[0])
    return group


def unknown(text: str) -> NamedError:
    return NamedError(name="UnknownError", data={"message": text})


def describe(failure: ModelFailure, provider_id: str) -> NamedError:
    """The error that a failed model call leaves on its message."""
    if failure.kind == "overflow":
        return NamedError(
            name="ContextOverflowError", data=_present(message=failure.message, responseBody=failure.body)
        )
    if failure.kind == "auth" and failure.status is None:  # no key at all: no request was made
        return NamedError(name="ProviderAuthError", data={"providerID": provider_id, "message": failure.message})
    data = _present(
        message=failure.message,
        statusCode=failure.status,
        isRetryable=failure.retryable,
        responseHeaders=failure.headers,
        responseBody=failure.body,
        metadata={"url": failure.url} if failure.url else None,
    )
    return NamedError(name="APIError", data=data)


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
