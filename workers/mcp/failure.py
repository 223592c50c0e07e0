"""What goes wrong with a server, put so that people and models understand it."""

from collections.abc import Sequence

from oad.contract.redact import KNOWN


class ServerDown(Exception):
    """The server can't be spoken with; the text says why."""


class CallFailed(Exception):
    """The server refused a call, broke off, or took too long."""


class Refused(Exception):
    """It must not be started or reached: the text says by which policy."""


def innermost(error: BaseException) -> BaseException:
    """Of a group the first that is no cancellation: the rest follows from it."""
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return innermost(inner[0]) if inner else error


def explain(error: BaseException) -> str:
    error = innermost(error)
    text = getattr(error, "message", "") or str(error).strip()
    return KNOWN.conceal_text(str(text) or type(error).__name__)
