"""One table per resource; TABLE is all of them."""

from ..operation import Operation
from . import ask, instance, server, session, v2

TABLE: tuple[Operation, ...] = (
    *server.OPERATIONS,
    *session.OPERATIONS,
    *ask.OPERATIONS,
    *instance.OPERATIONS,
    *v2.OPERATIONS,
)
