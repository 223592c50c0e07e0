"""The event streams, for the document; ``sse`` serves them."""

from ..operation import GET, Operation, Streamed, op

OPERATIONS: tuple[Operation, ...] = (
    op("event.subscribe", GET, "/event", returns=Streamed(), target="gateway", summary="Subscribe to events"),
    op(
        "global.event",
        GET,
        "/global/event",
        returns=Streamed(),
        target="gateway",
        place="none",
        summary="Get global events",
    ),
)
