"""Checks of decoded JSON against the types of ``settings``: every wrong key is named, unknown keys are let pass.

msgspec stops at the first mistake and names keys of maps "[...]"; here a person has to find the key in a file.
"""

import json
import types
import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from .failure import Issue

Path = tuple[str | int, ...]
_NAMES: Final = {
    "bool": "boolean",
    "int": "number",
    "float": "number",
    "str": "string",
    "list": "array",
    "dict": "object",
}


def find_issues(kind: Any, value: object, path: Path = ()) -> Iterator[Issue]:
    """What is wrong with a value that should be of a type; null counts as absent."""
    if value is None:
        return
    shape = _arm(kind, value)
    origin = typing.get_origin(shape)
    if _is_object(shape):
        yield from _in_object(shape, value, path)
    elif origin is dict and isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from find_issues(typing.get_args(shape)[1], item, (*path, key))
    elif origin is list and isinstance(value, list):
        for position, item in enumerate(cast("list[object]", value)):
            yield from find_issues(typing.get_args(shape)[0], item, (*path, position))
    else:
        yield from _in_leaf(kind, value, path)


def _arm(kind: Any, value: object) -> Any:
    """The member of a union that a value can only be meant for, judged by its JSON type."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    wanted = dict if isinstance(value, dict) else list if isinstance(value, list) else None
    for arm in typing.get_args(kind):
        if wanted is dict and _is_object(arm):
            return arm
        if wanted and typing.get_origin(arm) is wanted:
            return arm
    return kind


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _in_object(shape: type[msgspec.Struct], value: object, path: Path) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield Issue(f"Expected object, got {_describe(value)}", list(path))
        return
    given = cast("dict[str, object]", value)
    for name, kind, required in _fields(shape):
        if given.get(name) is not None:
            yield from find_issues(kind, given[name], (*path, name))
        elif required:
            yield Issue("Missing key", [*path, name])


@lru_cache(maxsize=64)
def _fields(shape: type[msgspec.Struct]) -> list[tuple[str, Any, bool]]:
    hints = typing.get_type_hints(shape, include_extras=True)
    return [(field.encode_name, hints[field.name], field.required) for field in msgspec.structs.fields(shape)]


def _in_leaf(kind: Any, value: object, path: Path) -> Iterator[Issue]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        bound = str(error).split(" - at ")[0].replace("`", "") if isinstance(value, int | float) else ""
        text = bound if bound.startswith("Expected int >") else f"Expected {_expected(kind)}, got {_given(kind, value)}"
        yield Issue(text, list(path))


def _expected(kind: Any) -> str:
    """A type in JSON's words."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _expected(parts[0])
    if origin is typing.Literal:
        return " | ".join(json.dumps(option) for option in parts)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(_expected, parts)))
    if kind is types.NoneType:
        return "null"
    return "object" if _is_object(kind) else _NAMES.get((origin or kind).__name__, str(kind))


def _given(kind: Any, value: object) -> str:
    """Texts are shown only where a choice was expected: elsewhere they may be what nobody is to see."""
    if isinstance(value, int | float) or (isinstance(value, str) and '"' in _expected(kind)):
        return json.dumps(value)[:80]
    return _describe(value)


def _describe(value: object) -> str:
    return _NAMES.get(type(value).__name__, type(value).__name__)
