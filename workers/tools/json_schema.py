"""JSON Schemas of arguments in the plain form that models are used to."""

from typing import Any, cast

import msgspec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
_made: dict[type[msgspec.Struct], Schema] = {}


def arguments_schema(args: type[msgspec.Struct]) -> Schema:
    """One object without references, titles or nulls: an optional key is one that is not required.
    Not to be changed: it is made once."""
    if args not in _made:
        (root,), components = msgspec.json.schema_components([args])
        _made[args] = {"$schema": DIALECT, "type": "object", "properties": {}, **_plain(root, components)}
    return _made[args]


def _plain(schema: Schema, components: Schema) -> Schema:
    if "$ref" in schema:
        named = _plain(components[schema["$ref"].rpartition("/")[2]], components)
        return {**named, **{key: value for key, value in schema.items() if key != "$ref"}}
    choices: list[Schema] = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(choices) == 1:
        rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
        return {**_plain(choices[0], components), **rest}
    plain = {key: _plain_value(value, components) for key, value in schema.items() if key != "title"}
    if "properties" in schema:  # there every key is a name, "title" too
        plain["properties"] = {key: _plain(value, components) for key, value in schema["properties"].items()}
    if not plain.get("required", True):
        del plain["required"]
    return plain


def _plain_value(value: Any, components: Schema) -> Any:
    return _plain(cast(Schema, value), components) if isinstance(value, dict) else value
