"""The OpenAPI document of GET /doc, derived from the table of operations."""

import json
from collections.abc import Iterable
from typing import Any, Final, TypeGuard, cast

import msgspec

from oad import API_VERSION

from .openapi_events import event_components
from .openapi_failures import ERRORS, RESPONSES, failures
from .openapi_names import ALIASES, RENAMED
from .operation import Fixed, Named, Operation, Plain, Streamed

_PREFIX: Final = "#/components/schemas/"

Json = dict[str, Any]


def build_document(table: Iterable[Operation]) -> Json:
    """The whole document, as what JSON is made of."""
    operations = list(table)
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "oad", "version": API_VERSION, "description": "Many coding-agent sessions on one host"},
        "paths": paths,
        "components": {"schemas": schemas.components | event_components(), "responses": RESPONSES},
    }


class _Schemas:
    """The schemas of all types that rows mention, under their public names."""

    def __init__(self, operations: list[Operation]) -> None:
        types = [type for operation in operations for type in _types(operation)]
        found, components = msgspec.json.schema_components([*types, *ALIASES.values()], ref_template=_PREFIX + "{name}")
        schemas = [cast(Json, _rename(schema)) for schema in found]
        self._aliases = dict(zip(ALIASES, schemas[len(types) :], strict=True))
        self._of = {id(type): self._named(schema) for type, schema in zip(types, schemas, strict=False)}
        self._types = types  # holds the ids
        self.components: Json = {
            RENAMED.get(name, name): self._named(_rename(schema)) for name, schema in components.items()
        }
        self.components |= self._aliases | ERRORS
        for operation in operations:
            if isinstance(operation.returns, Named):
                self.components[operation.returns.name] = self._of[id(operation.returns.type)]

    def of(self, type: Any) -> Json:
        return cast(Json, self._of[id(type)])

    def _named(self, schema: Any) -> Any:
        """The schema with what has a name replaced by a reference to it."""
        for name, alias in self._aliases.items():
            if schema == alias:
                return {"$ref": _PREFIX + name}
        if isinstance(schema, dict):
            return {key: self._named(value) for key, value in cast(Json, schema).items()}
        return [self._named(item) for item in schema] if _is_list(schema) else schema


def _is_list(schema: object) -> TypeGuard[list[Any]]:
    return isinstance(schema, list)


def _types(operation: Operation) -> list[Any]:
    returns = operation.returns.type if isinstance(operation.returns, Named) else operation.returns
    plain = [] if returns is None or isinstance(returns, Fixed | Plain | Streamed) else [returns]
    return plain if operation.body is None else [*plain, operation.body]


def _rename(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _rename(value) for key, value in cast(Json, schema).items() if key != "title"}
    if _is_list(schema):
        return [_rename(item) for item in schema]
    if isinstance(schema, str) and schema.startswith(_PREFIX):
        name = schema.removeprefix(_PREFIX)
        return _PREFIX + RENAMED.get(name, name)
    return schema


def _describe(operation: Operation, schemas: _Schemas) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": schemas.of(operation.body)}}
        described["requestBody"] = {"content": content, "required": operation.body_required}
    if operation.scope == "user":
        described["security"] = [{"basic": []}, {"bearer": []}]
    return described


def _parameters(operation: Operation) -> list[Json]:
    found = [_parameter(name, "path", _path_schema(operation, name), required=True) for name in operation.variables]
    match operation.place:
        case "directory" | "filter":
            found += [_parameter(name, "query", {"type": "string"}) for name in ("directory", "workspace")]
        case "location":
            properties = {"directory": {"type": "string"}, "workspace": {"type": "string"}}
            schema = {"type": "object", "properties": properties}
            found.append({**_parameter("location", "query", schema), "style": "deepObject", "explode": True})
        case "none":
            pass
    kinds = operation.query | operation.additions
    return found + [_parameter(name, "query", kind.schema, required=kind.required) for name, kind in kinds.items()]


def _path_schema(operation: Operation, name: str) -> Json:
    prefix = operation.prefixes.get(name)
    return {"type": "string", "pattern": f"^{prefix}"} if prefix else {"type": "string"}


def _parameter(name: str, place: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": place, "schema": schema, "required": required}


def _responses(operation: Operation, schemas: _Schemas) -> Json:
    found = failures(operation)
    refused = found.pop(str(operation.status), None)  # where a refusal is all that there is
    success = _success(operation, schemas)
    return {str(operation.status): _either(success, refused) if refused else success, **found}


def _either(first: Json, second: Json) -> Json:
    schemas = [each["content"]["application/json"]["schema"] for each in (first, second)]
    return {"description": first["description"], "content": {"application/json": {"schema": {"anyOf": schemas}}}}


def _success(operation: Operation, schemas: _Schemas) -> Json:
    returns = operation.returns
    if returns is None:
        return {"description": operation.summary}
    if isinstance(returns, Streamed):
        schema: Json = {"$ref": _PREFIX + returns.component}
        return {"description": operation.summary, "content": {"text/event-stream": {"schema": schema}}}
    if isinstance(returns, Plain):
        text: Json = {"type": "string"}
        return {"description": operation.summary, "content": {returns.media: {"schema": text}}}
    if isinstance(returns, Named):
        schema = {"$ref": _PREFIX + returns.name}
    elif isinstance(returns, Fixed):
        schema = {"const": returns.value}
    else:
        schema = schemas.of(returns)
    return {"description": operation.summary, "content": {"application/json": {"schema": schema}}}


def encode_document(table: Iterable[Operation]) -> bytes:
    return json.dumps(build_document(table), separators=(",", ":")).encode()
