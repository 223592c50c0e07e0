"""A request between its two lines: what is wanted before anything is done, and what came of it."""

from collections.abc import Awaitable, Callable

import trio

from oad.contract.errors import ApiError
from oad.contract.wire import Call
from oad.link import Answer

from .log import SERVICE, AuditLog
from .requests import action_of, describe

CarryOut = Callable[[Call, bytes], Awaitable[Answer]]


async def record_request(audit: AuditLog, call: Call, body: bytes, carry_out: CarryOut, session: str = "") -> Answer:
    """``session``: whose worker asks, when no client does. Raises what ``carry_out`` raises, and ApiError 503 before
    anything is done if it must be recorded and can't be."""
    origin, started = call.origin or SERVICE, trio.current_time()
    session = call.params.get("sessionID", session)
    number = audit.record(action_of(call.op), origin, session, **describe(call, body))
    await audit.secured()
    status = 0  # given up by its client, or by the end of the service
    try:
        answer = await carry_out(call, body)
        status = answer.status
        return answer
    except ApiError as error:
        status = error.status
        raise
    except Exception:
        status = 500
        raise
    finally:
        took = round((trio.current_time() - started) * 1000, 1)
        audit.note("answer", origin, session, op=call.op, request=number, status=status, took_ms=took)
