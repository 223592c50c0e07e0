"""What is done for one request to a declared operation, whatever server or framework carries it."""

import logging
from collections.abc import Sequence

import msgspec

from oad.contract.errors import ApiError, unexpected
from oad.contract.wire import Origin

from .binding import Request, bind
from .link import DaemonLink
from .operation import Fixed, Operation

_log = logging.getLogger("oad.gateway")


class Response(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    headers: dict[str, str] = {}


class Exchange:
    """Checks a request and forwards it; the daemon's answer goes out untouched."""

    def __init__(self, link: DaemonLink, cwd: str) -> None:
        self._link = link
        self._cwd = cwd

    async def perform(self, operation: Operation, request: Request) -> Response:
        """Never raises but for a cancellation: every failure has become an answer."""
        try:
            return await self._perform(operation, request)
        except Exception as error:  # noqa: BLE001  the task boundary of an operation
            return render(error, operation.name)

    async def _perform(self, operation: Operation, request: Request) -> Response:
        params, body = bind(operation, request, self._cwd)
        if isinstance(operation.returns, Fixed):
            return Response(operation.status, msgspec.json.encode(operation.returns.value))
        reply, answer = await self._link.call(
            operation.name,
            params,
            body,
            deadline_s=operation.deadline_s,
            key=request.key,
            origin=Origin(request.who, request.address, operation.method, outer=request.outer, user=request.user),
        )
        status = operation.status if reply.status == 200 else reply.status
        return Response(status, b"" if status == 204 else answer, reply.headers)


def render(error: BaseException, where: str) -> Response:
    """The answer for a failure."""
    cause = _innermost(error)
    if not isinstance(cause, ApiError):
        failure = unexpected()
        _log.error("%s failed (%s)", where, failure.body["data"]["ref"], exc_info=cause)
        cause = failure
    return Response(cause.status, cause.encode(), cause.headers)


def _innermost(error: BaseException) -> BaseException:
    """Groups of one, in which trio wraps what a task raised, count as what they hold."""
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return _innermost(inner[0]) if len(inner) == 1 else error
