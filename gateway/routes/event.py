"""The event streams, for the document; ``sse`` serves them."""

from ..openapi_events import EVENT, GLOBAL_EVENT
from ..operation import GET, Operation, Streamed, op

OPERATIONS: tuple[Operation, ...] = (
    op("event.subscribe", GET, "/event", returns=Streamed(EVENT), target="gateway", summary="Subscribe to events"),
    op(
        "global.event",
        GET,
        "/global/event",
        returns=Streamed(GLOBAL_EVENT),
        target="gateway",
        place="none",
        summary="Get global events",
    ),
)
