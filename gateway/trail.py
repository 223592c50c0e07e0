"""Where a request's trail begins: with the id that it brings along, if that is harmless, or with a new one."""

from typing import Final

from oad.contract.ids import random_text
from oad.contract.trail import Trail, sane_request_id, sane_traceparent

from .asgi import Scope, header

REQUEST_ID: Final = b"x-request-id"


def trail_of(scope: Scope) -> Trail:
    request = sane_request_id(header(scope, REQUEST_ID)) or f"req_{random_text(16)}"
    return Trail(request, sane_traceparent(header(scope, b"traceparent")))
