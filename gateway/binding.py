"""From a request to the parameters and the body of a call: everything is checked here, nothing further on trusts it."""

import hashlib
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from oad.contract.errors import ApiError, Kind, bad_request, named, tagged
from oad.contract.ids import is_harmless

from .operation import Operation
from .place import directory_of
from .query import Refused, quoted
from .schema_errors import describe

_MAX_NAME: Final = 200
_REST: Final = "path"  # what * in a route stands for: may have slashes; whoever serves it judges where it leads
_MAX_REST: Final = 4096
_EMPTY: Final = b"{}"


class Request(msgspec.Struct, frozen=True):
    """An HTTP request without its transport. ``variables`` come from the path, decoded; ``directory_header`` is raw.
    ``who``, ``address`` and ``outer`` (see ``forwarded``) are what the gateway itself has found out of its client."""

    variables: dict[str, str]
    query_string: bytes
    body: bytes
    directory_header: str | None = None
    key: str = ""
    accept: str = ""
    who: str = ""
    address: str = ""
    user: str = ""
    outer: str = ""


def request_key(header: str | None) -> str:
    """Of an Idempotency-Key: a long one in short, but never two that are one."""
    key = header or ""
    return key if len(key) <= _MAX_NAME else hashlib.sha256(key.encode()).hexdigest()


def bind(operation: Operation, request: Request, cwd: str) -> tuple[dict[str, str], bytes]:
    """Parameters and body of the call. Raises ApiError in the operation's family."""
    try:
        params = _bind_variables(operation, request.variables)
        query = _parse(request.query_string)
        _bind_query(operation, query, params)
        _bind_format(operation, request.accept, params)
        _bind_place(operation, query, request.directory_header, cwd, params)
        return params, _bind_body(operation, request.body)
    except ApiError as error:
        raise _in_family(operation, error) from None


def _bind_variables(operation: Operation, variables: dict[str, str]) -> dict[str, str]:
    for name, text in variables.items():
        prefix = operation.prefixes.get(name)
        if name == _REST:
            if len(text) > _MAX_REST or "\0" in text:
                raise _refuse(name, "Expected a path", "Params")
        elif prefix is None:
            if not _is_name(text):
                raise _refuse(name, f"Expected a name, got {quoted(text[:_MAX_NAME])}", "Params")
        elif not text.startswith(prefix) or not is_harmless(text):
            message = f"Expected a string starting with {quoted(prefix)}, got {quoted(text[:_MAX_NAME])}"
            raise _refuse(name, message, "Params")
    return dict(variables)


def _is_name(text: str) -> bool:
    """Names of providers and servers are freer than ids, yet no paths and nothing invisible."""
    return 0 < len(text) <= _MAX_NAME and text.isprintable() and "/" not in text and text.strip(".") != ""


def _parse(query_string: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if query_string:
        for name, text in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
            found.setdefault(name, []).append(text)
    return found


def _bind_query(operation: Operation, query: dict[str, list[str]], params: dict[str, str]) -> None:
    for name, kind in (operation.query | operation.additions).items():
        texts = query.get(name, [])
        if not texts:
            if kind.required:
                raise _refuse(name, "Missing key", "Query")
            continue
        if len(texts) > 1 or "\0" in texts[0]:
            raise _refuse(name, f"Expected string | undefined, got {quoted(texts)}", "Query")
        try:
            value = kind.check(texts[0])
        except Refused as refusal:
            raise _refuse(name, str(refusal), "Query") from None
        if value is not None:
            params[name] = value


def _bind_place(
    operation: Operation, query: dict[str, list[str]], header: str | None, cwd: str, params: dict[str, str]
) -> None:
    """Every call names a directory; that of a list which is narrowed to one only if asked is named beside it."""
    if operation.place == "location" and query.get("location"):
        text = query["location"][0]
        raise _refuse("location", f"Expected object | undefined, got {quoted(text)}", "Query")
    asked = query.get("location[directory]" if operation.place == "location" else "directory", [""])[0]
    match operation.place:
        case "none":
            params["directory"] = cwd
        case "filter":
            params["directory"] = cwd
            if asked:
                params["filterDirectory"] = directory_of(asked, None, cwd)
        case "directory" | "location":
            params["directory"] = directory_of(asked, header, cwd)


def _bind_format(operation: Operation, accept: str, params: dict[str, str]) -> None:
    """The client that names one of the operation's own formats gets it; whatever else it accepts, JSON is that."""
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")] if operation.formats else []
    for format in operation.formats:
        if format in named:
            params["format"] = format


def _bind_body(operation: Operation, body: bytes) -> bytes:
    if operation.body is None:
        return b""
    if not body.strip():
        if operation.body_required:
            raise _refuse(None, "Expected an object, got an empty body", "Payload")
        body = _EMPTY
    try:
        operation.decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_request(describe(str(error), body, operation.body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"The body is not valid JSON: {error}") from None
    return body


def _refuse(name: str | None, message: str, kind: Kind) -> ApiError:
    return bad_request(message if name is None else f"{message}\n  at [{quoted(name)}]", kind)


def _in_family(operation: Operation, error: ApiError) -> ApiError:
    if error.status != 400 or operation.family == "named":
        return error
    if operation.family == "bare":
        return tagged(400, "BadRequest") if error.body["data"]["kind"] == "Payload" else error
    return tagged(400, "InvalidRequestError", message=error.body["data"]["message"], kind=error.body["data"]["kind"])


def too_long(limit: int) -> ApiError:
    return named(413, "PayloadTooLargeError", message=f"The body is larger than {limit} bytes")
