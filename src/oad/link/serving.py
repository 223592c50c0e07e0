"""The serving side of a link: one task per call, ended by its deadline or by the caller's Cancel."""

import logging
import math
from collections.abc import Awaitable, Callable

import msgspec
import trio

from oad.contract.errors import ApiError, named, unexpected
from oad.contract.trail import enter
from oad.contract.wire import Call, Reply

_log = logging.getLogger("oad.link")


class Answer(msgspec.Struct, frozen=True):
    """A reply to a call: an HTTP status, a body that goes out untouched, and headers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = {}


Handler = Callable[[Call, bytes], Awaitable[Answer]]
"""Carries out one call. Raises ApiError for failures that the client may see."""

SendReply = Callable[[Reply, bytes], Awaitable[None]]


class Serving:
    """Runs calls in ``nursery``. One per peer: call ids are the peer's own."""

    def __init__(self, nursery: trio.Nursery, send: SendReply, handler: Handler) -> None:
        self._nursery = nursery
        self._send = send
        self._handler = handler
        self._running: dict[int, trio.CancelScope] = {}

    def accept(self, call: Call, body: bytes) -> None:
        """Starts the call; its reply is sent when it ends."""
        scope = self._running[call.id] = trio.CancelScope()
        self._nursery.start_soon(self._run, call, body, scope)

    def cancel(self, number: int) -> None:
        """The peer no longer waits: the handler is cancelled and no reply is sent."""
        if scope := self._running.pop(number, None):
            scope.cancel()

    async def _run(self, call: Call, body: bytes, scope: trio.CancelScope) -> None:
        enter(call.trail, call.params.get("sessionID", ""))
        with scope:
            answer = await carry_out(self._handler, call, body)
            if self._running.pop(call.id, None) is not None:
                await self._send(Reply(call.id, answer.status, answer.headers), answer.body)


async def carry_out(handler: Handler, call: Call, body: bytes) -> Answer:
    """The boundary of an RPC: whatever goes wrong in a handler becomes an answer, and the process lives on."""
    began = trio.current_time()
    try:
        with trio.fail_after(call.deadline_s or math.inf):
            answer = await handler(call, body)
        _log.debug("%s: %d in %.1f ms", call.op, answer.status, (trio.current_time() - began) * 1000)
        return answer
    except trio.TooSlowError:
        return refusal(named(504, "TimeoutError", message=f"{call.op} took more than {call.deadline_s:g} s"))
    except ApiError as error:
        return refusal(error)
    except Exception as error:  # noqa: BLE001  the task boundary of an operation
        failure = unexpected()
        _log.exception("%s failed (%s)", call.op, failure.body["data"]["ref"], exc_info=error)
        return refusal(failure)


def refusal(error: ApiError) -> Answer:
    return Answer(error.encode(), error.status, error.headers)
