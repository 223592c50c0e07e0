"""The declared operations as a Quart application: routing, bodies, limits."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, cast

import quart
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from oad.contract.errors import ApiError, named

from .binding import Request, request_key, too_long
from .exchange import Exchange, Response
from .openapi import encode_document
from .operation import Operation
from .routes import STREAMS, TABLE

_JSON: Final = "application/json"
View = Callable[..., Awaitable[quart.Response]]


def build_app(exchange: Exchange, table: Iterable[Operation], body_limit: int) -> QuartTrio:
    app = QuartTrio("oad.gateway", static_folder=None)
    for setting, value in (("MAX_CONTENT_LENGTH", body_limit), ("BODY_TIMEOUT", None), ("RESPONSE_TIMEOUT", None)):
        app.config[setting] = value
    app.register_error_handler(HTTPException, _refuse)
    for operation in table:
        rule = operation.path.replace("{", "<").replace("}", ">").replace("*", "<path:path>")
        view = _view(exchange, operation)
        app.add_url_rule(rule, operation.name, view, methods=[operation.method], provide_automatic_options=False)
    app.add_url_rule("/doc", "doc", _document(), methods=["GET"], provide_automatic_options=False)
    return app


def _document() -> View:
    """The document is made when it is first asked for: few ever ask."""
    made: list[bytes] = []

    async def view() -> quart.Response:
        if not made:
            made.append(encode_document((*STREAMS, *TABLE)))
        return quart.Response(made[0], mimetype=_JSON)

    return view


def _view(exchange: Exchange, operation: Operation) -> View:
    async def view(**variables: str) -> quart.Response:
        incoming = quart.request
        request = Request(
            variables=variables,
            query_string=incoming.query_string,
            body=cast(bytes, await incoming.get_data()) if operation.body is not None else b"",
            directory_header=incoming.headers.get("X-Opencode-Directory"),
            key=request_key(incoming.headers.get("Idempotency-Key")),
            accept=incoming.headers.get("Accept", ""),
        )
        return _outgoing(await exchange.perform(operation, request))

    return view


def _outgoing(response: Response) -> quart.Response:
    outgoing = quart.Response(response.body, response.status, {"content-type": _JSON, **response.headers})
    if not response.body and "content-type" not in response.headers:
        outgoing.headers.pop("Content-Type", None)
    return outgoing


async def _refuse(error: HTTPException) -> quart.Response:
    """What no operation has seen: unknown paths, wrong methods, bodies that are too large."""
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        refusal = too_long(quart.request.max_content_length or 0)
    elif status == 404:
        refusal = named(404, "NotFoundError", message=f"Unknown path: {quart.request.path[:200]}")
    else:
        refusal = ApiError(status, {"name": error.name.replace(" ", ""), "data": {"message": error.description or ""}})
    outgoing = _outgoing(Response(refusal.status, refusal.encode()))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        outgoing.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return outgoing
